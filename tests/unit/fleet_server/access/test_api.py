"""Logging in and out over HTTP, and who may do what. The bench has a user per role."""

from typing import Any

import pytest

from fleet_server.access import service
from fleet_server.web import COOKIE, csrf_token
from tests.support.fleet_bench import Bench
from tests.support.passwords import PASSWORD, give_passwords


@pytest.fixture(autouse=True)
def passwords_that_work(bench: Bench) -> None:
    """The bench's own logins have no password."""
    give_passwords(bench)


def login(bench: Bench, username: str, password: str = PASSWORD, **headers: str) -> Any:
    return bench.send(
        "POST", "login", json={"username": username, "password": password}, headers=headers
    )


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_login_gives_a_token_and_a_cookie_that_scripts_cannot_read(bench: Bench) -> None:
    answer = login(bench, "operator")
    body = answer.json()
    assert body["roles"] == ["operator", "viewer"]
    assert bench.send("GET", "me", headers=bearer(body["token"])).json()["username"] == "operator"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={body['token']};")
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie


def test_the_token_itself_is_not_in_the_store(bench: Bench) -> None:
    token = login(bench, "viewer").json()["token"]
    everything = (bench.settings.data / "fleet.db").read_bytes()
    wal = bench.settings.data / "fleet.db-wal"
    if wal.exists():
        everything += wal.read_bytes()
    assert token.encode() not in everything and PASSWORD.encode() not in everything


def test_a_wrong_password_and_an_unknown_name_look_the_same(bench: Bench) -> None:
    wrong = login(bench, "viewer", "not the password")
    unknown = login(bench, "nobody", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


def test_guessing_is_slowed_down_and_says_for_how_long(bench: Bench) -> None:
    for _ in range(5):
        assert login(bench, "viewer", "guess").status_code == 401
    answer = login(bench, "viewer")
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "too_many"
    bench.clock.machine_s += int(answer.headers["retry-after"])
    assert login(bench, "viewer").status_code == 200


def test_a_session_ends_by_logout_and_by_time(bench: Bench) -> None:
    first, second = (login(bench, "viewer").json()["token"] for _ in range(2))
    assert bench.send("POST", "logout", headers=bearer(first)).status_code == 200
    assert bench.send("GET", "me", headers=bearer(first)).status_code == 401
    bench.clock.city_s += 10**8
    assert bench.send("GET", "me", headers=bearer(second)).status_code == 200
    bench.clock.machine_s += bench.settings.session_s
    assert bench.send("GET", "me", headers=bearer(second)).status_code == 401


def test_the_oldest_session_goes_when_there_are_too_many(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SESSIONS_PER_USER", 2)
    tokens: list[str] = []
    for _ in range(3):
        bench.clock.machine_s += 1
        tokens.append(login(bench, "viewer").json()["token"])
    known = [bench.send("GET", "me", headers=bearer(token)).status_code for token in tokens]
    assert known == [401, 200, 200]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer cf_wrong"])
def test_nobody_is_somebody_without_a_good_token(bench: Bench, header: str) -> None:
    answer = bench.send("GET", "me", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_logged_in"


def test_a_write_by_cookie_must_come_from_our_own_page(bench: Bench) -> None:
    token = login(bench, "operator").json()["token"]
    cookie = {"cookie": f"{COOKIE}={token}"}
    body: dict[str, Any] = {"name": "Nhóm", "node_ids": []}

    def write(**headers: str) -> int:
        return bench.send("POST", "groups", json=body, headers=cookie | headers).status_code

    assert write() == 403
    assert write(**{"x-csrf-token": "0" * 64}) == 403
    assert write(**{"sec-fetch-site": "cross-site"}) == 403
    assert write(**{"sec-fetch-site": "same-site"}) == 403
    assert write(**{"x-csrf-token": csrf_token("another token")}) == 403
    assert write(**{"x-csrf-token": csrf_token(token)}) == 201
    assert write(**{"sec-fetch-site": "same-origin"}) == 409, "let in, but the name is taken"
    assert bench.send("GET", "groups", headers=cookie).status_code == 200


def test_a_login_from_a_foreign_page_is_refused(bench: Bench) -> None:
    assert login(bench, "viewer", **{"sec-fetch-site": "cross-site"}).status_code == 403


def test_only_an_administrator_touches_users(bench: Bench) -> None:
    body = {"username": "lan", "password": "mat-khau-dai", "roles": ["viewer"]}
    for role in ("viewer", "operator", "technician", "release_manager"):
        assert bench.request("POST", "users", role, json=body)[0] == 403
    status, made = bench.request("POST", "users", "administrator", json=body)
    assert (status, made["username"], made["roles"]) == (201, "lan", ["viewer"])
    assert bench.request("POST", "users", "administrator", json=body)[0] == 409
    listed = bench.request("GET", "users", "administrator")[1]["users"]
    assert "lan" in [user["username"] for user in listed]
    assert "argon2" not in str(listed)


def test_a_disabled_user_is_out_at_once(bench: Bench) -> None:
    token = login(bench, "operator").json()["token"]
    change = {"disabled": True}
    assert bench.request("PATCH", "users/operator", "administrator", json=change)[0] == 200
    assert bench.send("GET", "me", headers=bearer(token)).status_code == 401
    assert login(bench, "operator").status_code == 401


def test_the_last_administrator_stays(bench: Bench) -> None:
    for change in ({"disabled": True}, {"roles": ["viewer"]}):
        status, body = bench.request("PATCH", "users/administrator", "administrator", json=change)
        assert (status, body["error"]["code"]) == (409, "conflict")
    assert bench.request("GET", "users", "administrator")[0] == 200


def test_changing_ones_password_ends_the_other_sessions(bench: Bench) -> None:
    other = login(bench, "viewer").json()["token"]
    mine = login(bench, "viewer").json()["token"]
    body = {"current": PASSWORD, "password": "a new long password"}
    wrong = bench.send("PUT", "me/password", headers=bearer(mine), json=body | {"current": "no"})
    assert wrong.status_code == 401
    answer = bench.send("PUT", "me/password", headers=bearer(mine), json=body)
    assert answer.status_code == 200
    assert bench.send("GET", "me", headers=bearer(other)).status_code == 401
    assert bench.send("GET", "me", headers=bearer(answer.json()["token"])).status_code == 200
    assert login(bench, "viewer").status_code == 401


def test_every_change_of_a_user_is_in_the_audit_without_a_secret(bench: Bench) -> None:
    body = {"username": "lan", "password": "mat-khau-dai", "roles": ["viewer"]}
    bench.request("POST", "users", "administrator", json=body)
    bench.request("PATCH", "users/lan", "administrator", json={"roles": ["operator"]})
    bench.request(
        "PUT", "users/lan/password", "administrator", json={"password": "another-password"}
    )
    status, audit = bench.request("GET", "audit?action=user.", "administrator")
    assert status == 200
    mine = [entry for entry in audit["entries"] if entry["target"] == "user:lan"]
    assert [entry["action"] for entry in mine] == ["user.password", "user.change", "user.create"]
    assert mine[1]["before"]["roles"] == ["viewer"] and mine[1]["after"]["roles"] == ["operator"]
    assert {entry["actor"] for entry in mine} == {"administrator"}
    assert "password" not in str([(entry["before"], entry["after"]) for entry in mine])
    assert bench.request("GET", "audit", "operator")[0] == 403


def test_the_audit_is_read_page_by_page(bench: Bench) -> None:
    for number in range(7):
        bench.post("groups", {"name": f"Group number {number}", "node_ids": []})
    seen: list[int] = []
    query = "audit?action=group.&limit=3"
    page = bench.request("GET", query, "administrator")[1]
    while True:
        seen += [entry["id"] for entry in page["entries"]]
        if page["next_before_id"] is None:
            break
        page = bench.request("GET", f"{query}&before_id={page['next_before_id']}", "administrator")[
            1
        ]
    assert len(seen) == 7 and seen == sorted(seen, reverse=True)
