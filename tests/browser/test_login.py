"""Coming in and going out, by mouse and by keyboard."""

from playwright.sync_api import expect

from tests.browser.conftest import VIEWER, VIEWER_PASSWORD, City, OpenPage, Watch


def test_an_operator_logs_in_by_keyboard_alone_and_out_again(
    city: City, open_page: OpenPage
) -> None:
    page = open_page("/", user=None)
    expect(page).to_have_url(city.address + "/login")
    expect(page.locator("#username")).to_be_focused()
    page.keyboard.type(city.demo.user)
    page.keyboard.press("Tab")
    page.keyboard.type(city.demo.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(city.address + "/")
    expect(page.locator("#link")).to_have_text("Trực tiếp")
    page.locator("summary", has_text=city.demo.user).click()
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page).to_have_url(city.address + "/login")
    page.goto("/alarms")
    expect(page).to_have_url(city.address + "/login?next=%2Falarms")


def test_a_wrong_password_says_so_without_leaving_the_page(city: City, open_page: OpenPage) -> None:
    page = open_page("/login?next=/alarms", user=None)
    page.fill("#username", city.demo.user)
    page.fill("#password", "not the password")
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("alert")).to_have_text("Tên đăng nhập hoặc mật khẩu không đúng.")
    expect(page.locator("#username")).to_have_value(city.demo.user)
    page.fill("#password", city.demo.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(city.address + "/alarms")


def test_a_session_that_has_ended_leads_back_to_the_login(
    city: City, open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.append("401")
    page = open_page("/schedules")
    expect(page.locator("#steps tr").first).to_be_visible()
    page.context.clear_cookies(name="cf_session")
    page.get_by_role("button", name="Mới").click()
    page.fill("#program-name", "Không ai lưu")
    page.get_by_role("button", name="Lưu").click()
    expect(page).to_have_url(city.address + "/login?next=%2Fschedules")


def test_a_session_that_ends_elsewhere_ends_here_too(
    city: City, open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.append("401")
    page = open_page("/login", user=None)
    page.fill("#username", VIEWER)
    page.fill("#password", VIEWER_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_have_text("Trực tiếp")
    cookies = {each.get("name"): each.get("value") for each in page.context.cookies()}
    city.tokens["leaving"] = str(cookies["cf_session"])
    city.api("POST", "logout", user="leaving")
    # The stream looks at its session every now and then; a new connection does so at once.
    page.goto("/alarms")
    expect(page).to_have_url(city.address + "/login?next=%2Falarms")
