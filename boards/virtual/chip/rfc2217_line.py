"""A serial port on TCP with RFC 2217: bytes, speed, DTR and RTS. One client at a time, on loopback.

Who connects second takes the port over, as who opens a port exclusively after a crash would want.
"""

import asyncio
import socket
from collections.abc import Callable

from boards.virtual.chip.board import ROM_BAUD, Board
from boards.virtual.chip.errors import ChipError
from boards.virtual.chip.rfc2217 import Baud, Data, Rfc2217

_LOOPBACK = "127.0.0.1"
_CHUNK_BYTES = 65536
_MOST_WAITING_BYTES = 1 << 20


class Rfc2217Line:
    """The port; `open` listens, `close` ends it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._session = Rfc2217(ROM_BAUD)
        self._baud = ROM_BAUD
        board.attach(self._send, lambda: self._baud)

    async def open(self, port: int) -> int:
        """Listen; the port's number, which is chosen where 0 is asked for.

        Raises:
            ChipError: the port is taken.
        """
        try:
            self._server = await asyncio.start_server(self._serve, _LOOPBACK, port)
        except OSError as error:
            raise ChipError(f"{_LOOPBACK}:{port}: {error.strerror}") from error
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
        if self._writer is not None:
            self._writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = writer
        session = self._session = Rfc2217(ROM_BAUD)
        self._baud = ROM_BAUD
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while self._writer is writer and (data := await reader.read(_CHUNK_BYTES)):
                self._take(session, data, writer.write)
        except ConnectionError:
            pass
        finally:
            if self._writer is writer:
                self._writer = None
                # Nobody asserts a line any more.
                self._board.set_lines(False, False)
            writer.close()

    def _take(self, session: Rfc2217, data: bytes, write: Callable[[bytes], None]) -> None:
        for event in session.receive(data):
            if isinstance(event, Data):
                self._board.receive(event.data)
            elif isinstance(event, Baud):
                self._baud = event.rate
            else:
                self._board.set_lines(event.dtr, event.rts)
        if reply := session.take_reply():
            write(reply)

    def _send(self, data: bytes) -> None:
        writer = self._writer
        if writer is None or writer.transport.get_write_buffer_size() > _MOST_WAITING_BYTES:
            return
        writer.write(self._session.escape(data))
