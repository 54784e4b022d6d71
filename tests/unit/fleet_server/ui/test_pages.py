"""The shells and fragments: who may see which, in which language, and what they refuse."""

import re
from collections.abc import Generator

import pytest
from fastapi import FastAPI

from fleet_server import main
from fleet_server.access import service as access
from fleet_server.audit import record
from fleet_server.commands.service import document_of
from fleet_server.registry.models import Node
from fleet_server.ui import fragments
from fleet_server.ui.pages import PLACES
from fleet_server.web import COOKIE, system_actor
from tests.support.app_client import AppClient
from tests.support.data_folder import data_folder, database_of, register_nodes

PASSWORD = "a-good-password"
ROLES = ("viewer", "operator", "technician", "release_manager", "administrator")
PAGES = {place.path: place.role for place in PLACES} | {
    "/nodes/pk-sl-001": "viewer",
    "/nodes/dl-gh-001/rules": "viewer",
}
RULE = {
    "measure": "soil_moisture_percent", "on": "25,5", "off": "32", "min_on_s": "60",
    "min_off_s": "600", "most_on_s": "", "from": "06:00", "to": "18:30", "fail_safe": "0",
    "limit_measure": "air_temperature_c", "limit_low": "5", "limit_high": "",
}  # fmt: skip


class SilentPublisher:
    """Implements `ports.Publisher` where nothing is sent."""

    connected = False

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Nobody listens."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Generator[FastAPI]:
    settings = data_folder(tmp_path_factory.mktemp("screens") / "data")
    with database_of(settings) as database:
        services = main.compose(settings, database, SilentPublisher())
        for role in ROLES:
            access.create_user(
                database,
                services.clock,
                system_actor("test"),
                username=role.replace("_", "-"),
                password=PASSWORD,
                roles=[role],
            )
        register_nodes(database, "pk-sl-001")
        with database.write() as session:
            house = session.get_one(Node, "pk-sl-001").model_dump()
            house |= {
                "id": "dl-gh-001",
                "kind": "greenhouse",
                "name": "Nhà kính",
                "feeder_id": None,
            }
            session.add(Node(**house))
        yield main.create_app(services)


@pytest.fixture
def client(app: FastAPI) -> AppClient:
    """Nobody logged in, no choice of language yet."""
    return AppClient(app)


def log_in(client: AppClient, role: str, **form: str) -> None:
    body = {"username": role.replace("_", "-"), "password": PASSWORD, "next": "/", **form}
    answer = client.post("/login", data=body)
    assert answer.status_code == 303, answer.text


def csrf_of(client: AppClient) -> str:
    found = re.search(r'name="csrf" content="(\w+)"', client.get("/").text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", PAGES)
def test_without_a_login_every_page_leads_to_the_login(client: AppClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_its_pages_and_no_others(client: AppClient, role: str) -> None:
    log_in(client, role)
    included = {"viewer"} if role == "viewer" else {"viewer", "operator", role}
    if role == "administrator":
        included = set(ROLES)
    for path, needed in PAGES.items():
        answer = client.get(path)
        assert answer.status_code == (200 if needed in included else 403), path
        if answer.status_code == 403:
            assert "Không có quyền" in answer.text
            assert f'href="{path}"' not in answer.text


def test_after_the_login_one_is_where_one_wanted_to_be(client: AppClient) -> None:
    wanted = client.get("/nodes/pk-sl-001?x=1").headers["location"]
    page = client.get(wanted).text
    assert 'name="next" value="/nodes/pk-sl-001?x=1"' in page
    body = {"username": "viewer", "password": PASSWORD, "next": "/nodes/pk-sl-001?x=1"}
    answer = client.post("/login", data=body)
    assert answer.headers["location"] == "/nodes/pk-sl-001?x=1"


@pytest.mark.parametrize(
    "next", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "login"]
)
def test_the_login_never_leads_to_another_site(client: AppClient, next: str) -> None:
    body = {"username": "viewer", "password": PASSWORD, "next": next}
    assert client.post("/login", data=body).headers["location"] == "/"


def test_a_wrong_password_says_so_and_keeps_the_name(client: AppClient) -> None:
    body = {"username": "viewer", "password": "wrong <b>password", "next": "/alarms"}
    answer = client.post("/login", data=body)
    assert answer.status_code == 401
    assert "Tên đăng nhập hoặc mật khẩu không đúng." in answer.text
    assert 'value="viewer"' in answer.text
    assert 'value="/alarms"' in answer.text
    assert "wrong <b>password" not in answer.text
    by_htmx = client.post("/login", data=body, headers={"hx-request": "true"})
    assert by_htmx.status_code == 200
    assert by_htmx.text.lstrip().startswith("<form")


def test_too_many_wrong_passwords_are_stopped(client: AppClient) -> None:
    body = {"username": "no-such-user", "password": "wrong"}
    answers = [client.post("/login", data=body).status_code for _ in range(30)]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert "Sai mật khẩu quá nhiều lần" in client.post("/login", data=body).text


def test_a_login_that_another_site_sends_is_refused(client: AppClient) -> None:
    body = {"username": "viewer", "password": PASSWORD}
    answer = client.post("/login", data=body, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert COOKIE not in client.cookies


def test_logging_out_needs_our_own_page_and_ends_the_session(client: AppClient) -> None:
    log_in(client, "viewer")
    assert client.post("/logout", data={"csrf": "guessed"}).status_code == 403
    token = csrf_of(client)
    cookie = client.cookies[COOKIE]
    assert client.post("/logout", data={"csrf": token}).headers["location"] == "/login"
    client.cookies.set(COOKIE, cookie)
    assert client.get("/").headers["location"] == "/login"


def test_vietnamese_comes_first_and_english_is_a_choice_that_stays(client: AppClient) -> None:
    assert '<html lang="vi"' in client.get("/login").text
    answer = client.get("/login?lang=en")
    assert answer.status_code == 303
    assert "Log in" in client.get("/login").text
    log_in(client, "viewer")
    assert '<html lang="en"' in client.get("/").text
    back = client.get("/alarms?state=active&lang=vi")
    assert back.headers["location"] == "/alarms?state=active"
    assert "Cảnh báo" in client.get("/alarms").text
    assert client.get("/?lang=xx").status_code == 200


def test_the_theme_is_in_the_page_before_any_script_runs(client: AppClient) -> None:
    assert 'data-theme="auto"' in client.get("/login").text
    client.cookies.set("cf_theme", "dark")
    assert 'data-theme="dark"' in client.get("/login").text
    client.cookies.set("cf_theme", '"><script>')
    assert 'data-theme="auto"' in client.get("/login").text


@pytest.mark.parametrize("path", [*PAGES, "/login"])
def test_no_page_has_inline_script_or_style(client: AppClient, path: str) -> None:
    if path != "/login":
        log_in(client, "administrator")
    answer = client.get(path)
    assert answer.status_code == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", answer.text)
    assert "'unsafe" not in answer.headers["content-security-policy"]


def test_a_node_that_does_not_exist_is_a_plain_page(client: AppClient) -> None:
    log_in(client, "viewer")
    answer = client.get("/nodes/no-such-node")
    assert answer.status_code == 404
    assert "Danh mục không có nút no-such-node." in answer.text
    hostile = client.get("/nodes/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "<script>alert" not in hostile.text


def test_the_catalogue_of_the_scripts_is_kept_by_its_version(client: AppClient) -> None:
    found = re.search(r'data-catalogue="([^"]+)"', client.get("/login").text)
    assert found is not None
    answer = client.get(found[1])
    assert answer.json()["Log in"] == "Đăng nhập"
    assert "immutable" in answer.headers["cache-control"]
    assert "no-cache" in client.get("/i18n/vi.json").headers["cache-control"]
    assert client.get("/i18n/xx.json").status_code == 404


def test_an_enrolment_token_is_made_and_shown_once(client: AppClient) -> None:
    log_in(client, "technician")
    headers = {"x-csrf-token": csrf_of(client)}
    form = {"kind": "streetlight", "count": "3", "minutes": "30"}
    assert client.post("/provisioning/tokens", data=form).status_code == 403
    made = client.post("/provisioning/tokens", data=form, headers=headers)
    assert made.status_code == 200
    token = re.search(r'id="token-value" readonly value="([^"]+)"', made.text)
    assert token is not None and len(token[1]) > 20
    assert "Cho 3 nút loại Đèn đường, trong 30 phút." in made.text
    assert token[1] not in client.get("/provisioning").text


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("count", "0", "Số nút phải từ 1 đến 1000."),
        ("count", "many", "Số nút và số phút phải là số nguyên."),
        ("minutes", "999999", "Số phút phải từ 1 đến 10080 (một tuần)."),
    ],
)
def test_a_wrong_token_form_says_what_is_wrong_and_keeps_what_was_typed(
    client: AppClient, field: str, value: str, text: str
) -> None:
    log_in(client, "technician")
    headers = {"x-csrf-token": csrf_of(client)}
    form = {"kind": "greenhouse", "count": "7", "minutes": "30", field: value}
    answer = client.post("/provisioning/tokens", data=form, headers=headers)
    assert text in answer.text
    assert '<option value="greenhouse" selected>' in answer.text
    assert f'value="{form["count"]}"' in answer.text


def test_the_audit_filters_and_pages_on(client: AppClient, app: FastAPI) -> None:
    services = app.state.services
    with services.database.write() as session:
        for number in range(fragments.AUDIT_ROWS + 1):
            actor = system_actor("clerk")
            record(session, services.clock, actor, "paper.file", target=f"paper:{number}")
    log_in(client, "administrator")
    assert "system:test" in client.get("/audit/list?actor=system:test").text
    assert "Không có mục nào khớp bộ lọc." in client.get("/audit/list?actor=nobody").text
    page = client.get("/audit?action=paper.").text
    assert "paper:50" in page
    assert "paper:0<" not in page
    more = re.search(r'hx-get="(/audit/rows\?[^"]+)"', page)
    assert more is not None
    rows = client.get(more[1].replace("&amp;", "&")).text
    assert "paper:0<" in rows
    assert "hx-get" not in rows


def test_a_greenhouse_gets_and_loses_a_rule_by_its_form(client: AppClient, app: FastAPI) -> None:
    log_in(client, "operator")
    assert 'href="/nodes/dl-gh-001/rules"' in client.get("/nodes/dl-gh-001").text
    assert "/rules" not in client.get("/nodes/pk-sl-001").text
    page = client.get("/nodes/dl-gh-001/rules").text
    assert page.count("Chưa có quy tắc") == 4
    headers = {"x-csrf-token": csrf_of(client)}
    address = "/nodes/dl-gh-001/rules/irrigation"
    assert client.post(address, data=RULE).status_code == 403
    form = {**RULE, "excludes": ["vent_motor", "door"]}
    answer = client.post(address, data=form, headers=headers)
    assert "Đã gửi." in answer.text
    page = client.get("/nodes/dl-gh-001/rules").text
    assert page.count("Chưa có quy tắc") == 3
    for shown in ('value="25.5"', 'value="06:00"', 'value="18:30"', 'value="5.0"'):
        assert shown in page
    with app.state.services.database.read() as session:
        _, document = document_of(session, "dl-gh-001")
    rule = document["rules"]["irrigation"]
    assert (rule["on"], rule["hours"], rule["most_on_s"]) == (255, [360, 1110], None)
    assert rule["excludes"] == ["vent_motor", "door"]
    gone = client.post(address, data={"remove": "1"}, headers=headers)
    assert "Chưa có quy tắc" in gone.text


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("on", "nhiều", "Số liệu phải là số"),
        ("from", "25h", "Số liệu phải là số"),
        ("measure", "", "Hãy chọn đại lượng đo."),
        ("off", "101", "phải nằm trong khoảng"),
        ("off", "25.5", "Không nút nào nhận điều này"),
    ],
)
def test_a_wrong_rule_says_what_is_wrong_and_keeps_what_was_typed(
    client: AppClient, field: str, value: str, text: str
) -> None:
    log_in(client, "operator")
    headers = {"x-csrf-token": csrf_of(client)}
    form = {**RULE, "min_on_s": "77", field: value}
    answer = client.post("/nodes/dl-gh-001/rules/irrigation", data=form, headers=headers)
    assert text in answer.text
    assert 'value="77"' in answer.text


def test_only_greenhouses_and_their_outputs_have_forms(client: AppClient) -> None:
    log_in(client, "operator")
    headers = {"x-csrf-token": csrf_of(client)}
    assert client.get("/nodes/pk-sl-001/rules").status_code == 404
    roof = client.post("/nodes/dl-gh-001/rules/roof", data=RULE, headers=headers)
    assert roof.status_code == 404
    lamp = client.post("/nodes/pk-sl-001/rules/fan", data=RULE, headers=headers)
    assert "pk-sl-001 không phải nhà kính." in lamp.text
