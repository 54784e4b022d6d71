"""A node's page: readings with units, a chart, events, an override, and the end of a board."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import City, OpenPage, Watch
from tools.client.http import FleetClient
from tools.node.identity import Request, enrol, new_key, request_pem

OVERRIDE_MIN = 5


def fact(page: Page, name: str) -> str:
    """The value under a name on the state card."""
    return page.locator("#node-facts > div", has_text=name).locator("dd").inner_text()


def test_a_greenhouse_shows_its_readings_with_units_and_commas(open_page: OpenPage) -> None:
    page = open_page("/nodes/dl-gh-01")
    expect(page.locator("h1")).not_to_have_text("dl-gh-01")
    reading = page.locator(".reading", has_text="Nhiệt độ không khí").locator("dd")
    expect(reading).to_have_text(re.compile(r"^\d+,\d\s°C$"))
    expect(page.locator("#readings-age")).to_have_text(re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d"))
    expect(page.locator("#chart canvas")).to_be_visible()
    expect(page.locator("#override-panel")).to_be_hidden()
    expect(page.locator("#events")).to_contain_text("Khởi động")
    assert fact(page, "Ứng dụng") == "1.0.0"


def test_the_chart_shows_chosen_readings_over_a_day_or_a_week(
    city: City, open_page: OpenPage
) -> None:
    (reservoir, *_) = city.api("GET", "nodes?kind=reservoir")["nodes"]
    page = open_page(f"/nodes/{reservoir['id']}")
    expect(page.locator("#chart canvas")).to_be_visible()
    chips = page.locator('#chart-fields [aria-pressed="true"]')
    expect(chips).to_have_count(2)
    chips.first.focus()
    page.keyboard.press("Space")
    expect(chips).to_have_count(1)
    expect(page.locator("#chart-summary")).to_have_text(re.compile("từ .+ đến"))
    with page.expect_response(re.compile(r"readings\?hours=168")):
        page.get_by_role("button", name="7 ngày").click()
    expect(page.get_by_role("button", name="7 ngày")).to_have_attribute("aria-pressed", "true")


def test_an_override_reaches_the_lamp_and_ends_by_itself(city: City, open_page: OpenPage) -> None:
    lamp = city.lamps("Đinh Tiên Hoàng")[0]
    page = open_page(f"/nodes/{lamp}")
    level = page.locator(".reading", has_text="Độ sáng").locator("dd")
    expect(level).to_have_text(re.compile(r"^\d+%$"))
    before = city.demo.plant()[lamp]["level"]
    slider = page.get_by_label("Độ sáng", exact=True)
    slider.fill("45")
    expect(page.locator("output")).to_have_text("45%")
    page.get_by_label("Trong bao lâu").select_option(str(OVERRIDE_MIN))
    page.get_by_label("Lý do").fill("kiểm tra")
    page.get_by_role("button", name="Điều khiển ngay").click()
    expect(page.locator("#override .progress")).to_contain_text("1/1 đã nhận")
    expect(level).to_have_text("45%")
    assert city.demo.plant()[lamp]["level"] == 45
    expect(level).to_have_text(f"{before}%", timeout=30_000)
    assert city.api("GET", "overrides")["overrides"] == []


def test_an_override_without_a_reason_is_not_sent(
    city: City, open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.append("422")
    lamp = city.lamps("Đinh Tiên Hoàng")[1]
    page = open_page(f"/nodes/{lamp}")
    page.get_by_role("button", name="Điều khiển ngay").click()
    expect(page.get_by_label("Lý do")).to_be_focused()
    assert city.api("GET", "overrides")["overrides"] == []
    page.get_by_role("button", name="Kết thúc điều khiển tay").click()
    expect(page.locator("#toasts")).to_contain_text("Không đèn nào trong số này đang được")


def test_a_node_that_is_not_there_says_so(open_page: OpenPage, watch: Watch) -> None:
    watch.expected.append("404")
    page = open_page("/nodes/no-such-node")
    expect(page.locator("h1")).to_have_text("Không có nút này")


SPARE = "pk-sl-spare"


def _enrolled_spare(city: City) -> None:
    """A lamp beside the forty, whose board is enrolled and lies on the technician's desk."""
    row = {"id": SPARE, "kind": "streetlight", "name": "Đèn dự phòng", "lat": 13.98, "lon": 108.0}
    city.api("POST", "registry/import", {"nodes": [row]})
    token = city.api("POST", "provisioning/tokens", {"kind": "streetlight"})["token"]
    request = Request(SPARE, "streetlight", request_pem(new_key(), SPARE))
    with FleetClient(city.address) as client:
        enrol(client, token, [request])


def test_a_technician_puts_a_board_out_after_being_asked_twice(
    city: City, open_page: OpenPage
) -> None:
    _enrolled_spare(city)
    viewer = open_page(f"/nodes/{SPARE}", user="viewer")
    expect(viewer.locator("h1")).to_have_text("Đèn dự phòng")
    expect(viewer.locator("#board")).to_have_count(0)
    page = open_page(f"/nodes/{SPARE}", user="admin")
    page.get_by_label("Xử lý thế nào").select_option("retire")
    page.get_by_label("Vì sao").fill("rơi vỡ")
    page.get_by_role("button", name="Thu hồi chứng thư").click()
    page.get_by_role("dialog").get_by_role("button", name="Thôi").click()
    (certificate,) = city.api("GET", f"nodes/{SPARE}/certificates")["certificates"]
    assert certificate["revoked_s"] is None
    page.get_by_role("button", name="Thu hồi chứng thư").click()
    page.get_by_role("dialog").get_by_role("button", name="Thu hồi").click()
    expect(page.locator("#toasts")).to_contain_text("Đã loại bo mạch: thu hồi 1 chứng thư")
    (certificate,) = city.api("GET", f"nodes/{SPARE}/certificates")["certificates"]
    assert certificate["revoked_s"] is not None
    assert city.api("GET", f"nodes/{SPARE}")["state"] == "retired"
