"""The bench's control line: JSON lines on the loopback address, for who knows the secret.

The first line is {"secret": word}; each further one an order, answered by one line,
{"ok": true, ...} or {"ok": false, "error": text}. README.md lists the orders.
"""

import asyncio
import contextlib
import hmac
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any, cast

from boards.virtual.bench import Bench
from boards.virtual.errors import OrderError, SettingsError
from boards.virtual.orders import carry_out, parse

LOOPBACK = "127.0.0.1"
LINE_BYTES = 16384
VISITORS_MAX = 16
# A visitor shows the secret at once; after that an order may take a person's time.
SECRET_TIMEOUT_S = 5.0
IDLE_TIMEOUT_S = 600.0
ANSWER_TIMEOUT_S = 10.0


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback address; port 0 takes a free one.

    Raises:
        SettingsError: the port is taken.
    """
    line = socket.socket()
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind((LOOPBACK, port))
        line.listen(VISITORS_MAX)
    except OSError as error:
        line.close()
        raise SettingsError(f"control port {port}: {error.strerror}") from error
    return line


class ControlLine:
    """Answers visitors about one bench."""

    def __init__(self, bench: Bench, secret: str) -> None:
        self._bench = bench
        self._secret = secret.encode()
        self._visitors: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    @contextlib.asynccontextmanager
    async def open(self, line: socket.socket) -> AsyncGenerator[None]:
        """Serve on a listening socket while the context lasts."""
        server = await asyncio.start_server(self._talk, sock=line, limit=LINE_BYTES)
        try:
            yield
        finally:
            server.close()
            for writer in self._visitors.values():
                writer.transport.abort()  # its reader sees the end and its task ends by itself
            if self._visitors:
                await asyncio.wait(list(self._visitors))

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out one order; what to answer beside "ok".

        Raises:
            OrderError: it makes no sense.
        """
        if order.get("do") == "status":
            return {"nodes": self._bench.status()}
        if order.get("do") == "stop":
            self._bench.stop()
            return {}
        return carry_out(self._bench, parse(order, self._bench.settings))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visitors[task] = writer
        try:
            if len(self._visitors) > VISITORS_MAX:
                await _answer(writer, {"ok": False, "error": "too many visitors"})
            elif await self._is_known(reader):
                await self._serve(reader, writer)
            else:
                await _answer(writer, {"ok": False, "error": "wrong secret"})
        except (TimeoutError, ConnectionError, asyncio.LimitOverrunError, ValueError):
            # A visitor that falls silent, breaks off or talks without end loses its line only.
            pass
        finally:
            del self._visitors[task]
            writer.close()

    async def _is_known(self, reader: asyncio.StreamReader) -> bool:
        async with asyncio.timeout(SECRET_TIMEOUT_S):
            first = _object(await reader.readline())
        word = first.get("secret") if first else None
        return isinstance(word, str) and hmac.compare_digest(word.encode(), self._secret)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                line = await reader.readline()
            if not line:
                return
            order = _object(line)
            try:
                if order is None:
                    raise OrderError("an order is one JSON object on one line")
                answer: dict[str, Any] = {"ok": True, **self.obey(order)}
            except OrderError as error:
                answer = {"ok": False, "error": str(error)}
            await _answer(writer, answer)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


async def _answer(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
