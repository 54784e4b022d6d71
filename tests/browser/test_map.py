"""The map and the list: the same nodes, live, found without diacritics, usable without WebGL."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import City, OpenPage, Watch

# A browser that has a canvas but no graphics processor to draw on it.
NO_WEBGL = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith("webgl") ? null : real.call(this, kind, ...rest);
};
"""
READY = '#map[data-state="ready"]'


def test_forty_nodes_stand_on_the_map_and_in_the_list(open_page: OpenPage) -> None:
    page = open_page("/")
    page.wait_for_selector(READY)
    expect(page.locator("#nodes-note")).to_have_text("40 trên 40 nút")
    expect(page.locator(".node-row")).to_have_count(40)
    expect(page.locator(".map-cabinet").first).to_be_visible()
    expect(page.locator(".maplibregl-canvas")).to_have_attribute("aria-label", "Bản đồ các nút")


def test_a_street_is_found_as_one_types_it_without_diacritics(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_label("Tìm theo tên, địa chỉ hoặc trạng thái").fill("tran hung dao")
    expect(page.locator("#nodes-note")).to_have_text("8 trên 40 nút")
    expect(page.locator(".node-row__name").first).to_contain_text("Trần Hưng Đạo")
    page.locator("#search").fill("ho xuan  NHA")
    expect(page.locator("#no-nodes")).to_be_visible()
    page.locator("#search").fill("")
    page.get_by_role("button", name=re.compile("^Nhà kính")).click()
    expect(page.locator("#nodes-note")).to_have_text("3 trên 40 nút")
    assert "kind=greenhouse" in page.url
    page.reload()
    expect(page.locator("#nodes-note")).to_have_text("3 trên 40 nút")


def test_the_list_follows_a_lamp_that_is_switched(city: City, open_page: OpenPage) -> None:
    (lamp, *_) = city.lamps("Hùng Vương")
    page = open_page("/?q=hung+vuong")
    row = page.locator(f'[data-key="{lamp}"] .node-row__value')
    for level in (35, 80):
        body = {"node_ids": [lamp], "level": level, "minutes": 60, "reason": "test"}
        city.api("POST", "overrides", body, "operator")
        expect(row).to_have_text(f"{level}%")
    city.api("DELETE", "overrides", {"node_ids": [lamp]}, "operator")


def test_a_node_opens_from_the_list_its_card_and_its_page(open_page: OpenPage) -> None:
    page = open_page("/")
    page.wait_for_selector(READY)
    page.locator("#search").fill("dl-gh-01")
    row = page.locator('[data-key="dl-gh-01"] .node-row__main')
    row.focus()
    page.keyboard.press("Enter")
    card = page.locator(".map-card")
    expect(card).to_contain_text("Nhiệt độ không khí")
    expect(row).to_have_attribute("aria-pressed", "true")
    card.get_by_role("link", name="Mở trang nút").click()
    expect(page).to_have_url(re.compile("/nodes/dl-gh-01$"))


def test_a_press_on_the_canvas_finds_the_lamp_there(city: City, open_page: OpenPage) -> None:
    page = open_page("/")
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Pleiku", exact=True).click()
    page.wait_for_timeout(1500)
    page.locator("#search").fill("tran hung dao")
    expect(page.locator("#nodes-note")).to_have_text("8 trên 40 nút")
    page.locator(".node-row__main").nth(3).click()
    page.wait_for_timeout(900)
    expect(page.locator(".map-card strong")).to_contain_text("Trần Hưng Đạo")
    page.get_by_role("button", name="Đóng").click()
    box = page.locator(".maplibregl-canvas").bounding_box()
    assert box is not None
    # The chosen lamp was brought to the middle of the map.
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".map-card strong")).to_contain_text("Trần Hưng Đạo")


def test_a_cabinet_tells_its_feeders(open_page: OpenPage) -> None:
    page = open_page("/")
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Pleiku", exact=True).click()
    page.wait_for_timeout(1500)
    page.locator(".map-cabinet", has_text="Hùng Vương").click()
    expect(page.locator(".map-card__feeders li")).to_have_count(2)
    expect(page.locator(".map-card")).to_contain_text("8/8 có điện")


def test_far_out_the_islands_bear_their_names(open_page: OpenPage) -> None:
    page = open_page("/")
    page.wait_for_selector(READY)
    far = '{"center": [110.5, 12.5], "zoom": 5.2}'
    page.evaluate("place => sessionStorage.setItem('cityfleet.map', place)", far)
    page.reload()
    page.wait_for_selector(READY)
    expect(page.get_by_text("Quần đảo Hoàng Sa (Việt Nam)")).to_be_in_viewport()
    expect(page.get_by_text("Quần đảo Trường Sa (Việt Nam)")).to_be_in_viewport()
    page.locator(".map-city", has_text="Pleiku").click()
    expect(page.locator(".map-cabinet").first).to_be_visible()
    expect(page.get_by_text("Quần đảo Hoàng Sa (Việt Nam)")).to_be_hidden()


def test_without_webgl_the_list_serves_alone_and_says_so(open_page: OpenPage) -> None:
    page = open_page("/", script=NO_WEBGL)
    expect(page.get_by_text("Trình duyệt này không vẽ được bản đồ")).to_be_visible()
    expect(page.locator(".node-row")).to_have_count(40)
    page.locator(".node-row__main").first.click()
    expect(page).to_have_url(re.compile("/nodes/"))


def test_a_server_that_fails_is_said_and_can_be_asked_again(
    open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.append("503")
    page = open_page("/alarms")
    # News of nodes would bring the page round by itself.
    watch.expected.append("ERR_FAILED")
    page.route("**/api/v1/stream", lambda route: route.abort())
    page.route("**/api/v1/nodes", lambda route: route.fulfill(status=503, body="busy"))
    page.goto("/")
    error = page.locator("#nodes-error")
    expect(error).to_contain_text("Máy chủ không thực hiện được (mã 503).")
    page.unroute("**/api/v1/nodes")
    error.get_by_role("button", name="Thử lại").click()
    expect(page.locator(".node-row")).to_have_count(40)
    expect(error).to_be_hidden()
