"""What holds for every page, in both languages and both themes, on a desk and on a phone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, City, OpenPage, Watch

PAGES = {
    # Some of the rows stand for all: axe looks at every element.
    "map": "/?q=hung+vuong",
    "node": "/nodes/{lamp}",
    "rules": "/nodes/dl-gh-01/rules",
    "lighting": "/schedules",
    "alarms": "/alarms",
    "software": "/releases",
    "enrolment": "/provisioning",
    "refused": "/messages",
    "audit": "/audit",
    "not-there": "/nodes/none",
}
READY = {"map": '#map[data-state="ready"]', "node": "#chart canvas", "lighting": ".axis__step"}
LANGUAGES = ["vi", "en"]
THEMES = ["dark", "light"]
# A colour on its way from one theme to the other has a contrast of its own.
SETTLED = """
() => Promise.allSettled(document.getAnimations()
  .filter((each) => each instanceof CSSTransition).map((each) => each.finished))
"""
# What a thumb presses is 44 px each way; links inside a running text are read, not pressed.
SMALL_TARGETS = """
() => [...document.querySelectorAll("button, a.button, summary, select, .rail a, .node-row a")]
  .filter((node) => node.checkVisibility({ visibilityProperty: true }))
  .map((node) => [node.outerHTML.slice(0, 120), node.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 43.5 || box.width < 43.5))
  .map(([html, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)
"""


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds, one line each."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_in_both_themes_and_fits_a_phone(
    name: str, language: str, city: City, open_page: OpenPage, watch: Watch, axe: str
) -> None:
    if name == "not-there":
        watch.expected.append("404")
    path = PAGES[name].format(lamp=city.lamps("Hùng Vương")[2])
    page = open_page(path, user="admin", language=language, bypass_csp=True)
    if name in READY:
        page.wait_for_selector(READY[name])
    expect(page.locator("#link")).to_have_attribute("data-link", "up")
    expect(page.locator(".loading:visible")).to_have_count(0)
    for theme in THEMES:
        page.evaluate(f"document.querySelector('[data-set-theme={theme}]').click()")
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        page.evaluate(SETTLED)
        assert violations(page, axe) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert page.evaluate(SMALL_TARGETS) == []
    assert violations(page, axe) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_login_is_accessible_in_both_themes_and_fits_a_phone(
    language: str, open_page: OpenPage, axe: str
) -> None:
    page = open_page("/login", user=None, language=language, size=PHONE, bypass_csp=True)
    expect(page.locator("html")).to_have_attribute("lang", language)
    for theme in THEMES:
        page.evaluate(f"document.querySelector('[data-set-theme={theme}]').click()")
        page.evaluate(SETTLED)
        assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert page.evaluate(SMALL_TARGETS) == []


def test_the_language_is_chosen_in_the_bar_and_stays(open_page: OpenPage) -> None:
    page = open_page("/alarms?from=here")
    page.locator("summary", has_text="VI").click()
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_have_text("Alarms")
    assert page.url.endswith("/alarms?from=here")
    page.goto("/")
    expect(page.locator("#nodes-note")).to_have_text("40 of 40 nodes")
    expect(page.locator("#link")).to_have_text("Live")
    expect(page.locator("#clock-speed")).to_have_text("Simulated clock ×60")


def test_the_theme_is_chosen_without_loading_the_page_again(open_page: OpenPage) -> None:
    page = open_page("/", theme="dark")
    page.wait_for_selector(READY["map"])
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("summary", has_text="VI").click()
    page.get_by_role("button", name="Sáng", exact=True).click()
    assert page.evaluate(ground) != dark
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sáng", exact=True)).to_be_hidden()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_the_first_tab_leads_past_the_menu_and_the_focus_is_seen(open_page: OpenPage) -> None:
    page = open_page("/alarms")
    expect(page.locator("#link")).to_have_attribute("data-link", "up")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Đến nội dung chính")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.closest('main') !== null")
    assert focused
    width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert width == "2px"


def test_a_lost_connection_is_said_and_found_again(open_page: OpenPage, watch: Watch) -> None:
    watch.expected += ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "ERR_NETWORK"]
    page = open_page("/alarms")
    expect(page.locator("#link")).to_have_text("Trực tiếp")
    page.route("**/api/v1/stream", lambda route: route.abort())
    page.reload()
    expect(page.locator("#link")).to_have_text("Mất kết nối, đang thử lại")
    page.unroute("**/api/v1/stream")
    expect(page.locator("#link")).to_have_text("Trực tiếp", timeout=20_000)
