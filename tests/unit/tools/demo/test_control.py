"""The control line: who knows the word is obeyed, everybody else is not."""

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.demo.control import Answer, ControlLine, Order, ask
from tools.demo.ports import any_free_port, listen_anywhere, port_of
from tools.errors import DemoError, FileError

pytestmark = pytest.mark.sockets


async def obey(order: Order) -> Answer:
    if order.get("do") == "fail":
        raise DemoError("not now")
    return {"echo": order}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("open sesame\n")
    return path


def talk(port: int, *lines: bytes) -> list[bytes]:
    """Sends lines as they are; returns what came back."""
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        line.sendall(b"".join(lines))
        line.shutdown(socket.SHUT_WR)
        return line.makefile("rb").readlines()


def serve(visitor: Callable[[int], Answer]) -> Answer:
    """Runs a visitor in a thread beside a control line; it gets the port."""

    async def story() -> Answer:
        listener = listen_anywhere()
        line = asyncio.create_task(ControlLine(listener, "open sesame", obey).serve())
        try:
            return await asyncio.to_thread(visitor, port_of(listener))
        finally:
            line.cancel()

    return asyncio.run(story())


def test_an_order_is_answered(secret: Path) -> None:
    order = {"do": "x", "name": "Đèn"}
    assert serve(lambda port: ask(port, secret, order)) == {"ok": True, "echo": order}


def test_a_refusal_is_the_demos_own_words(secret: Path) -> None:
    with pytest.raises(DemoError, match="not now"):
        serve(lambda port: ask(port, secret, {"do": "fail"}))


def test_a_stranger_is_not_obeyed(secret: Path) -> None:
    secret.write_text("open barley")
    with pytest.raises(DemoError, match="wrong secret"):
        serve(lambda port: ask(port, secret, {"do": "x"}))


@pytest.mark.parametrize("first", [b"\n", b"[]\n", b"{}\n", b'{"secret": 1}\n', b"\xff\n", b"{"])
def test_nonsense_ends_the_line_and_nothing_else(secret: Path, first: bytes) -> None:

    def visit(port: int) -> Answer:
        said = talk(port, first, b'{"do": "x"}\n')
        assert not any(json.loads(line)["ok"] for line in said)
        talk(port, b'{"secret": "open sesame"}\n', b"nonsense\n")
        return ask(port, secret, {"do": "y"})

    assert serve(visit) == {"ok": True, "echo": {"do": "y"}}


def test_nobody_there_and_no_secret_are_lines(secret: Path) -> None:
    with pytest.raises(DemoError, match="does not answer"):
        ask(any_free_port(), secret, {"do": "x"})
    with pytest.raises(FileError):
        ask(1, secret.with_name("missing"), {"do": "x"})
