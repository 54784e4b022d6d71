"""Every way in which a server can fail becomes one plain line of the right class."""

import json
import socket

import pytest

from tests.unit.tools.small_server import SmallServer, small_server
from tools.client.http import FleetClient, segment
from tools.errors import (
    ForbiddenError,
    LoginNeededError,
    NotFoundError,
    RefusedError,
    ServerFaultError,
    ToolError,
    UnreachableError,
)

pytestmark = pytest.mark.sockets

PATH = "GET /api/v1/nodes"


def ask(server: SmallServer, token: str = "cf_token") -> object:
    with FleetClient(server.address, token) as client:
        return client.get("nodes", kind="streetlight", q=None)


def test_a_read_carries_login_and_query() -> None:
    with small_server() as server:
        server.answer(PATH, {"nodes": []})
        assert ask(server) == {"nodes": []}
        (asked,) = server.asked
    assert asked.path == "/api/v1/nodes?kind=streetlight"
    assert asked.headers["authorization"] == "Bearer cf_token"


def test_writes_and_uploads_arrive_whole() -> None:
    with small_server() as server:
        for route in ("POST /api/v1/x", "PUT /api/v1/x", "DELETE /api/v1/x"):
            server.answer(route, {})
        server.answer_raw("POST /api/v1/releases", "{}", 201, "application/json")
        with FleetClient(server.address, "t") as client:
            client.post("x", {"name": "Đèn"})
            client.put("x", {"level": 1})
            client.delete("x", {"node_ids": ["a"]})
            client.upload("releases", "a.release", b"\x00\xff")
    bodies = [json.loads(asked.body) for asked in server.asked[:3]]
    assert bodies == [{"name": "Đèn"}, {"level": 1}, {"node_ids": ["a"]}]
    assert b'name="file"; filename="a.release"' in server.asked[3].body
    assert b"\x00\xff" in server.asked[3].body


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, LoginNeededError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, RefusedError),
        (422, RefusedError),
        (429, RefusedError),
        (503, RefusedError),
    ],
)
def test_a_refusal_has_its_class_and_the_servers_words(status: int, kind: type[ToolError]) -> None:
    with small_server() as server:
        server.refuse(PATH, status, code="some_code", message="It is\nso.", field="level")
        with pytest.raises(kind) as caught:
            ask(server)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    if isinstance(caught.value, RefusedError):
        assert str(caught.value) == "It is so. (field level)"
        assert (caught.value.code, caught.value.field) == ("some_code", "level")


def test_an_expired_login_and_a_wrong_password_are_told_apart() -> None:
    with small_server() as server:
        server.refuse(PATH, 401, code="wrong_login", message="User name or password is wrong.")
        with pytest.raises(LoginNeededError, match="has expired"):
            ask(server)
        with pytest.raises(LoginNeededError, match="password is wrong"):
            ask(server, token="")


@pytest.mark.parametrize("document", ["[]", '"no"', '{"error": 1}', '{"error": {}}', "<html>", ""])
def test_a_strange_error_document_is_still_a_line(document: str) -> None:
    with small_server() as server:
        server.answer_raw(PATH, document, 400)
        with pytest.raises(RefusedError, match="HTTP 400"):
            ask(server)
        server.answer_raw(PATH, document, 500)
        with pytest.raises(ServerFaultError):
            ask(server)


def test_a_page_that_is_no_api_is_a_line() -> None:
    with small_server() as server:
        server.answer_raw(PATH, "<html>hello")
        with pytest.raises(ServerFaultError, match="not JSON"):
            ask(server)


def test_nobody_at_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with FleetClient(address, "t") as client:
            with pytest.raises(UnreachableError, match="no fleet server answers"):
                client.get("nodes")
            assert not client.answers()


def test_events_of_a_stream_are_split_as_the_standard_says() -> None:
    text = ': hello\n\nevent: node\ndata: {"a":\ndata: 1}\n\ndata: x\n\nevent: lost\ndata: cut'
    with small_server() as server:
        server.answer_raw("GET /api/v1/stream", text, kind="text/event-stream")
        with FleetClient(server.address, "t") as client:
            assert list(client.stream()) == [("node", '{"a":\n1}'), ("message", "x")]


def test_a_name_stays_one_piece_of_a_path() -> None:
    assert segment("../users/a b") == "..%2Fusers%2Fa%20b"
