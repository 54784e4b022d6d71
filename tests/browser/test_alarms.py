"""The alarm desk: one alarm for a dark feeder, live on every page, acknowledged with a note."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import City, OpenPage

# The last gasps, five seconds of confirmation, and a busy machine.
SOON_MS = 30_000


@contextmanager
def dark_feeder(city: City, name: str) -> Generator[None]:
    """A feeder without mains for the block."""
    city.demo.cityfleet("demo", "cut-feeder", name)
    try:
        yield
    finally:
        city.demo.cityfleet("demo", "restore-feeder", name)


def acknowledge_by_keyboard(page: Page, note: str) -> None:
    field = page.get_by_label("Ghi chú")
    field.focus()
    page.keyboard.type(note)
    page.keyboard.press("Enter")


def test_a_dark_feeder_is_one_alarm_from_the_first_gasp_to_its_end(
    city: City, open_page: OpenPage
) -> None:
    lamps = city.lamps("Trần Quốc Toản")
    map_page = open_page("/?q=tran+quoc+toan")
    page = open_page("/alarms")
    expect(page.locator("#no-alarms")).to_be_visible()
    with dark_feeder(city, "Trần Quốc Toản"):
        alarm = page.locator(".alarm")
        expect(alarm).to_have_count(1, timeout=SOON_MS)
        expect(alarm.locator("h2")).to_contain_text("Mất điện lộ: Trần Quốc Toản")
        every = f"{len(lamps)} trên {len(lamps)} đèn"
        expect(alarm).to_contain_text(every, timeout=SOON_MS)
        expect(alarm.locator(".children .is-affected")).to_have_count(len(lamps))
        expect(alarm).to_contain_text("chưa xác nhận")
        dark = map_page.locator('.node-row[data-state="dark"]')
        expect(dark).to_have_count(len(lamps))
        expect(map_page.locator("#bar-alarms")).to_have_attribute(
            "aria-label", "1 cảnh báo đang hoạt động"
        )
        expect(map_page.locator("#bar-alarms")).to_have_attribute("data-alarms", "")
        acknowledge_by_keyboard(page, "Đội trực đang đến")
        expect(alarm).to_contain_text(f"{city.demo.user} đã xác nhận")
        expect(alarm).to_contain_text("Đội trực đang đến")
        expect(map_page.locator("#bar-alarms")).not_to_have_attribute("data-alarms", "")
    expect(page.locator("#no-alarms")).to_be_visible(timeout=SOON_MS)
    expect(dark).to_have_count(0, timeout=SOON_MS)
    page.get_by_role("button", name="Đã hết").click()
    cleared = page.locator(".alarm", has_text="Trần Quốc Toản").first
    expect(cleared).to_contain_text(every)
    expect(cleared).to_contain_text(re.compile("hết sau \\d+ (giây|phút)"))


def test_a_note_being_written_survives_news_of_its_alarm(city: City, open_page: OpenPage) -> None:
    def with_news(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for alarm in body["alarms"]:
            alarm["evidence"]["silent"] = 77
        route.fulfill(response=answer, json=body)

    page = open_page("/alarms")
    with dark_feeder(city, "Đinh Tiên Hoàng"):
        alarm = page.locator(".alarm")
        expect(alarm).to_have_count(1, timeout=SOON_MS)
        page.get_by_label("Ghi chú").focus()
        page.keyboard.type("Đang viết")
        # The server's true answer, with evidence that came a moment later.
        page.route("**/api/v1/alarms?state=active", with_news)
        expect(alarm).to_contain_text("77", timeout=SOON_MS)
        expect(page.get_by_label("Ghi chú")).to_have_value("Đang viết")
        expect(page.get_by_label("Ghi chú")).to_be_focused()
        page.unroute("**/api/v1/alarms?state=active")
    expect(page.locator("#no-alarms")).to_be_visible(timeout=SOON_MS)


def test_a_viewer_cannot_acknowledge(city: City, open_page: OpenPage) -> None:
    page = open_page("/alarms", user="viewer")
    page.get_by_role("button", name="Tất cả").click()
    expect(page.get_by_role("button", name="Xác nhận")).to_have_count(0)
