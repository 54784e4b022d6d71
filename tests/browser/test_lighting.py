"""Lighting programs: drawn on the night axis, saved, sent to a group, and followed by the lamps."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import City, OpenPage, Watch

# The curve of the editor at the moments of the server's own preview.
CURVE = """
async ([base, steps, sun, places]) => {
  const { curve } = await import(base + "/js/schedules/model.js");
  const line = curve(steps, sun);
  return places.map((place) => {
    // The last corner at or before a place: where a step and its ramp's end fall together, the
    // later one holds.
    let i = 0;
    while (i + 1 < line.length && line[i + 1][0] <= place) i += 1;
    const [x0, y0] = line[i];
    const [x1, y1] = line[Math.min(i + 1, line.length - 1)];
    return x1 === x0 ? y1 : y0 + ((y1 - y0) * (place - x0)) / (x1 - x0);
  });
}
"""


def new_program(page: Page, name: str) -> None:
    page.get_by_role("button", name="Mới").click()
    page.get_by_label("Tên chương trình").fill(name)


def test_an_operator_makes_a_program_and_every_lamp_of_the_group_reports_it(
    city: City, open_page: OpenPage
) -> None:
    page = open_page("/schedules")
    new_program(page, "Ngày thường")
    rows = page.locator("#steps tr")
    expect(rows).to_have_count(3)
    rows.nth(1).get_by_label("Giờ, dạng 24 giờ").fill("23:00")
    rows.nth(1).get_by_label("Độ sáng theo phần trăm").fill("40")
    page.get_by_role("button", name="Lưu").click()
    expect(page.locator("#saved-state")).to_have_text("Đã lưu")
    page.locator("#push-group").select_option(label="Tất cả đèn (30)")
    page.get_by_role("button", name="Gửi chương trình").click()
    expect(page.locator("#push-progress")).to_contain_text("30/30 đã nhận")
    expect(page.locator("#push-progress")).to_contain_text("Đã xong")
    expect(page.locator("#commands")).to_contain_text("Ngày thường")
    lamps = city.api("GET", "nodes?kind=streetlight")["nodes"]
    assert len(lamps) == 30
    assert all(lamp["reported_version"] == lamp["desired_version"] > 0 for lamp in lamps)


def test_a_step_moves_by_keys_and_by_mouse_and_every_move_can_be_undone(
    open_page: OpenPage,
) -> None:
    page = open_page("/schedules")
    new_program(page, "Chỉ thử")
    step = page.locator(".axis__step").nth(1)
    expect(step).to_have_attribute("aria-valuetext", "23:00, 40%")
    step.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowUp")
    expect(step).to_have_attribute("aria-valuetext", "23:05, 46%")
    row = page.locator("#steps tr").nth(1)
    expect(row.get_by_label("Độ sáng theo phần trăm")).to_have_value("46")
    box = step.locator(".axis__knob").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 30, steps=5)
    page.mouse.up()
    expect(step).not_to_have_attribute("aria-valuetext", "23:05, 46%")
    undo = page.get_by_role("button", name="Hoàn tác")
    undo.click()
    expect(step).to_have_attribute("aria-valuetext", "23:05, 46%")
    for _ in range(3):
        undo.click()
    expect(step).to_have_attribute("aria-valuetext", "23:00, 40%")
    expect(undo).to_be_disabled()
    step.focus()
    page.keyboard.press("Delete")
    expect(page.locator(".axis__step")).to_have_count(2)
    page.get_by_role("button", name="Thêm bước").click()
    expect(page.locator("#steps tr")).to_have_count(3)


def test_a_step_keeps_its_place_when_its_anchor_changes(open_page: OpenPage) -> None:
    page = open_page("/schedules")
    new_program(page, "Neo")
    first = page.locator("#steps tr").first
    first.get_by_label("Tính từ").select_option("clock")
    at = first.get_by_label("Giờ, dạng 24 giờ").input_value()
    assert re.fullmatch(r"1[78]:[0-5]\d", at), at
    first.get_by_label("Tính từ").select_option("sunset")
    expect(first.get_by_label("Số phút trước (−) hoặc sau (+)")).to_have_value(
        re.compile(r"^-?[01]$")
    )
    first.get_by_label("Số phút trước (−) hoặc sau (+)").fill("-30")
    page.keyboard.press("Tab")
    expect(page.locator(".axis__step").first).to_have_attribute(
        "aria-valuetext", re.compile("Mặt trời lặn −30 phút")
    )


def test_what_the_server_refuses_is_said_at_the_step(
    city: City, open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.append("422")
    watch.expected.append("409")
    page = open_page("/schedules")
    page.get_by_role("button", name="Mới").click()
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Chương trình cần có tên.")).to_be_visible()
    page.get_by_label("Tên chương trình").fill("Trùng bước")
    page.locator("#steps tr").nth(2).get_by_label("Tính từ").select_option("sunset")
    page.locator("#steps tr").nth(2).get_by_label("Số phút trước (−) hoặc sau (+)").fill("0")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Lưu").click()
    expect(page.locator("#editor-error")).to_have_text("Bước 3: Bước 3 trùng thời điểm với bước 1.")
    steps = [{"anchor": "sunset", "level": 10}]
    city.api("POST", "programs", {"name": "Đã có", "steps": steps}, "operator")
    page.get_by_role("button", name="Mới").click()
    page.get_by_label("Tên chương trình").fill("Đã có")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Đã có chương trình 'Đã có'.")).to_be_visible()


def test_the_drawn_night_is_the_night_that_the_lamps_burn(city: City, open_page: OpenPage) -> None:
    steps = [
        {"anchor": "sunset", "time": None, "offset_min": -20, "level": 80, "ramp_s": 1800},
        {"anchor": "clock", "time": "21:30", "offset_min": 0, "level": 100, "ramp_s": 0},
        {"anchor": "clock", "time": "23:00", "offset_min": 0, "level": 30, "ramp_s": 3600},
        {"anchor": "clock", "time": "23:20", "offset_min": 0, "level": 60, "ramp_s": 600},
        {"anchor": "sunrise", "time": None, "offset_min": 15, "level": 5, "ramp_s": 60},
    ]
    body = {"name": "Đường cong", "steps": steps}
    program = city.api("POST", "programs", body, "operator")
    lamp = city.lamps("Hùng Vương")[0]
    night = city.api("GET", f"programs/{program['id']}/preview?node={lamp}")

    def place(at_s: int) -> float:
        return (at_s - night["from_s"]) / 60

    sun = {"sunset": place(night["sunset_s"]), "sunrise": place(night["sunrise_s"])}
    places = [place(at_s) for at_s in night["at_s"]]
    page = open_page("/schedules")
    base = page.locator('link[href$="tokens.css"]').get_attribute("href")
    assert base is not None
    drawn = page.evaluate(CURVE, [base.removesuffix("/css/tokens.css"), steps, sun, places])
    assert len(drawn) > 10
    for level, burnt, at in zip(drawn, night["levels"], places, strict=True):
        # The node counts whole percents, rounded down.
        assert abs(level - burnt) <= 1.01, (at, level, burnt)


def test_an_override_of_a_group_runs_with_its_remaining_time(
    city: City, open_page: OpenPage
) -> None:
    page = open_page("/schedules")
    page.locator("#override-group").select_option(label="Đèn Hùng Vương (8)")
    page.get_by_label("Độ sáng", exact=True).fill("65")
    page.locator("#override-minutes").select_option("240")
    page.locator("#override-reason").fill("lễ hội")
    page.get_by_role("button", name="Điều khiển ngay").click()
    expect(page.locator("#override .progress")).to_contain_text("8/8 đã nhận")
    running = page.locator("#overrides li")
    expect(running).to_have_count(1)
    expect(running).to_contain_text("8 đèn → 65%")
    expect(running).to_contain_text("lễ hội")
    expect(running).to_contain_text(re.compile(r"còn [1-4] giờ"))
    levels = city.demo.plant()
    assert {levels[lamp]["level"] for lamp in city.lamps("Hùng Vương")} == {65}
    page.get_by_role("button", name="Kết thúc điều khiển tay").click()
    expect(page.locator("#no-overrides")).to_be_visible()


def test_a_viewer_sees_the_programs_but_can_change_nothing(open_page: OpenPage) -> None:
    page = open_page("/schedules", user="viewer")
    expect(page.locator("#steps tr").first).to_be_visible()
    expect(page.get_by_text("Tài khoản của bạn chỉ được xem.").first).to_be_visible()
    for name in ("Lưu", "Mới", "Gửi chương trình", "Điều khiển ngay", "Thêm bước"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.locator("#steps input").first).to_be_disabled()
