"""What holds for every route: a role, security headers, limits, errors of one shape."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy.exc import OperationalError

from fleet_server.access.rules import INCLUDES
from fleet_server.adapters.http import BODY_BYTES
from fleet_server.web import OPEN_PATHS
from tests.support.fleet_bench import Bench


def api_routes(bench: Bench) -> list[APIRoute]:
    return list(_flat(bench.app.routes))


def required_roles(dependant: Dependant) -> set[str]:
    roles = {role for role in [getattr(dependant.call, "required_role", None)] if role}
    for inner in dependant.dependencies:
        roles |= required_roles(inner)
    return roles


def test_every_api_route_names_a_role_that_exists(bench: Bench) -> None:
    paths: set[str] = set()
    for route in api_routes(bench):
        if not route.path.startswith("/api/"):
            continue
        paths.add(route.path)
        roles = required_roles(route.dependant)
        if route.path in OPEN_PATHS:
            assert not roles, route.path
        else:
            assert len(roles) == 1 and roles <= set(INCLUDES), route.path
    assert {"/api/v1/nodes", "/api/v1/stream", "/api/v1/registry/import"} <= paths


def test_no_write_is_open_to_who_may_only_look(bench: Bench) -> None:
    mine = {"/api/v1/logout", "/api/v1/me/password"}
    for route in api_routes(bench):
        writes = (route.methods or set()) - {"GET", "HEAD", "OPTIONS"}
        if writes and route.path.startswith("/api/") and route.path not in OPEN_PATHS | mine:
            assert required_roles(route.dependant) != {"viewer"}, route.path


def test_nothing_answers_a_stranger_but_what_is_meant_to(bench: Bench) -> None:
    for route in api_routes(bench):
        if not route.path.startswith("/api/") or route.path in OPEN_PATHS:
            continue
        path = route.path.replace("{", "").replace("}", "").removeprefix("/api/v1/")
        for method in route.methods or set():
            status = bench.send(method, path).status_code
            assert status == 401, f"{method} {route.path}: {status}"


@pytest.mark.parametrize("path", ["nodes", "login", "no/such/thing", "../../healthz"])
def test_every_answer_carries_the_security_headers(bench: Bench, path: str) -> None:
    headers = bench.send("GET", path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_errors_have_one_shape(bench: Bench) -> None:
    cases: list[tuple[str, str, dict[str, Any], int, str]] = [
        ("GET", "no/such/thing", {}, 404, "not_found"),
        ("DELETE", "login", {}, 405, "method_not_allowed"),
        ("GET", "nodes", {}, 401, "not_logged_in"),
        ("POST", "login", {"json": {"username": "x"}}, 422, "invalid"),
        ("POST", "login", {"content": b"\xff\xfe{"}, 422, "invalid"),
    ]
    for method, path, arguments, status, code in cases:
        answer = bench.send(method, path, **arguments)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, code)
        assert error["message"]
    missing = bench.send("POST", "login", json={"username": "x"}).json()["error"]
    assert missing["field"] == "password"


def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(bench: Bench) -> None:
    big = b'{"username": "' + b"x" * BODY_BYTES + b'"}'
    answer = bench.send("POST", "login", content=big)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    unsized = bench.send(
        "POST", "login", content=_pieces(big), headers={"content-type": "application/json"}
    )
    assert unsized.status_code == 413


def test_the_interface_describes_itself(bench: Bench) -> None:
    described = bench.get("openapi.json")
    paths = {route.path for route in api_routes(bench) if route.include_in_schema}
    assert set(described["paths"]) == paths
    assert described["paths"]["/api/v1/nodes"]["get"]["parameters"]


def test_a_store_that_is_away_is_no_bug_of_ours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise OperationalError("SELECT", (), sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(bench.database, "read", fail)
    answer = bench.send("GET", "nodes", headers={"authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_away")
    ready = bench.send("GET", "../../readyz")
    assert (ready.status_code, ready.json()["parts"]["database"]) == (503, False)


def test_health_is_open_and_readiness_names_its_parts(bench: Bench) -> None:
    assert bench.send("GET", "../../healthz").json() == {"ok": True}
    ready = bench.send("GET", "../../readyz")
    assert ready.json() == {"ready": True, "parts": {"database": True}}
    bench.app.state.checks = bench.app.state.checks | {"broker_ingest": lambda: False}
    ready = bench.send("GET", "../../readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)


async def _pieces(data: bytes) -> Any:
    for start in range(0, len(data), 65536):
        yield data[start : start + 65536]


def _flat(routes: Iterable[Any]) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            # FastAPI keeps an included router whole.
            yield from _flat(route.original_router.routes)
