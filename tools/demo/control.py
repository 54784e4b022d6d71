"""The control line of a running demo: orders and answers as JSON lines on the loopback address.

The first line is {"secret": word}, each further line an order {"do": ...}, and each order gets one
line back: {"ok": true, ...} or {"ok": false, "error": text}. The virtual bench speaks the same,
so `ask` serves both. The word stands in a file that only the demo's owner may read.
"""

import asyncio
import contextlib
import hmac
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from tools.demo.ports import LOOPBACK
from tools.errors import DemoError, FileError

LINE_LIMIT = 1024 * 1024
ANSWER_TIMEOUT_S = 20.0
IDLE_TIMEOUT_S = 30.0

Order = dict[str, Any]
Answer = dict[str, Any]
Handler = Callable[[Order], Awaitable[Answer]]


def ask(port: int, secret_file: Path, order: Order, timeout_s: float = ANSWER_TIMEOUT_S) -> Answer:
    """Gives one order and returns the answer.

    Raises:
        DemoError: nobody listens, no answer came, or the answer is no.
        FileError: the secret cannot be read.
    """
    try:
        secret = secret_file.read_text().strip()
    except OSError as error:
        raise FileError(f"cannot read {secret_file}: {error.strerror}") from error
    lines = json.dumps({"secret": secret}) + "\n" + json.dumps(order) + "\n"
    try:
        with socket.create_connection((LOOPBACK, port), timeout_s) as line:
            line.sendall(lines.encode())
            with line.makefile("rb") as answers:
                return _good(answers.readline(LINE_LIMIT))
    except OSError as error:
        raise DemoError(
            f"the demo does not answer on its control line ({error.strerror or error}); "
            "does it still run?"
        ) from error


class ControlLine:
    """Listens for orders and hands each to one handler.

    Args:
        listener: a listening socket on the loopback address.
        secret: the word that opens the line.
        handle: answers an order; a DemoError that it raises becomes the refusal.
    """

    def __init__(self, listener: socket.socket, secret: str, handle: Handler) -> None:
        self._listener = listener
        self._secret = secret
        self._handle = handle

    async def serve(self) -> None:
        """Serves until it is cancelled; visitors who come earlier wait."""
        server = await asyncio.start_server(self._talk, sock=self._listener, limit=LINE_LIMIT)
        async with server:
            await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await self._line(reader)
            word = str((first or {}).get("secret", ""))
            if not hmac.compare_digest(word.encode(), self._secret.encode()):
                await self._answer(writer, {"ok": False, "error": "wrong secret"})
                return
            while (order := await self._line(reader)) is not None:
                await self._answer(writer, await self._obey(order))
        except (TimeoutError, ConnectionError, ValueError):
            # A visitor that falls silent, breaks off or talks nonsense ends its own line only.
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _line(self, reader: asyncio.StreamReader) -> Order | None:
        raw = await asyncio.wait_for(reader.readline(), IDLE_TIMEOUT_S)
        if not raw:
            return None
        value: object = json.loads(raw)
        if not isinstance(value, dict):
            raise ValueError("an order is an object")
        return cast("Order", value)

    async def _obey(self, order: Order) -> Answer:
        try:
            return {"ok": True, **await self._handle(order)}
        except DemoError as error:
            return {"ok": False, "error": str(error)}

    async def _answer(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        writer.write((json.dumps(answer) + "\n").encode())
        await asyncio.wait_for(writer.drain(), ANSWER_TIMEOUT_S)


def _good(raw: bytes) -> Answer:
    try:
        answer: object = json.loads(raw)
    except ValueError as error:
        raise DemoError("the demo ended the control line without an answer") from error
    if not isinstance(answer, dict):
        raise DemoError("the demo's control line answered something strange")
    known = cast("Answer", answer)
    if not known.get("ok"):
        raise DemoError(str(known.get("error") or "the demo refused without saying why"))
    return known
