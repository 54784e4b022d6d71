"""HTTPS range requests over one kept connection: the bytes of an update, a block at a time.

Only what that needs: GET with Range, answers 206 with Content-Length and Content-Range.
Everything in an answer is bounded before it is believed.

    reader = RangeReader("fleet.example", 8443, "fleet.example", context)
    data, total = await reader.get("/blobs/..", 0, 4096)

Source: RFC 9110, sections 14.2 and 14.4; RFC 9112, section 2.
"""

import asyncio
import time

from firmware.core.errors import ConnectionLostError, DownloadError
from firmware.core.limits import CONNECT_TIMEOUT_MS, HTTP_HEAD_BYTES, HTTP_TIMEOUT_MS
from firmware.net.transport import Stream

_WAIT_MS = 1000


class RangeReader:
    """A connection to the download server, made on the first request and after a loss."""

    def __init__(self, host: str, port: int, server_name: str, context: object) -> None:
        self._address = (host, port, server_name)
        self._context = context
        self._stream = None
        self._received = b""

    async def get(self, path: str, start: int, size: int, beat: object) -> tuple[bytearray, int]:
        """Bytes `start`.. of a resource, `size` of them or up to its end, and its whole size.

        Raises:
            DownloadError: the server answers with something else.
            LinkError, ConnectionLostError: try again later.
        """
        try:
            if self._stream is None:
                self._stream = Stream()
                host, port, server_name = self._address
                await self._stream.open(host, port, self._context, server_name)
            self._stream.send(_request(path, self._address[0], start, size))
            await self._stream.drain(CONNECT_TIMEOUT_MS)
            return await self._answer(start, size, beat)
        except BaseException:
            # Whatever is left of this answer must not be taken for the next one.
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._received = b""

    async def _answer(self, start: int, size: int, beat: object) -> tuple[bytearray, int]:
        deadline = time.ticks_add(time.ticks_ms(), HTTP_TIMEOUT_MS)
        while b"\r\n\r\n" not in self._received:
            if len(self._received) > HTTP_HEAD_BYTES:
                raise DownloadError("endless head")
            await self._more(deadline, beat)
        head, rest = self._received.split(b"\r\n\r\n", 1)
        self._received = b""
        length, total = parse_head(head, start, size)
        # One block for the whole body: joining pieces would need the heap twice.
        body = bytearray(length)
        filled = 0
        while True:
            if len(rest) > length - filled:
                raise DownloadError("more than was asked for")
            body[filled : filled + len(rest)] = rest
            filled += len(rest)
            if filled == length:
                return body, total
            await self._more(deadline, beat)
            rest = self._received
            self._received = b""

    async def _more(self, deadline: int, beat: object) -> None:
        beat()
        data = self._stream.receive()
        if data is not None:
            self._received += data
            return
        if time.ticks_diff(deadline, time.ticks_ms()) <= 0:
            raise ConnectionLostError("the download server is silent")
        try:
            await asyncio.wait_for_ms(self._stream.readable(), _WAIT_MS)
        except asyncio.TimeoutError:
            pass  # the deadline above decides


def parse_head(head: bytes, start: int, size: int) -> tuple[int, int]:
    """(body length, whole size) from the head of an answer to a range request.

    Raises:
        DownloadError: not the range that was asked for.
    """
    try:
        lines = head.decode().split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            fields[name.strip().lower()] = value.strip()
        if status != 206:
            raise DownloadError("status %d" % status)
        unit, place = fields["content-range"].split(" ", 1)
        span, total_text = place.split("/", 1)
        first, last = span.split("-", 1)
        length = int(fields["content-length"])
        total = int(total_text)
    except (ValueError, IndexError, KeyError, UnicodeError):
        raise DownloadError("unreadable answer") from None
    asked = min(size, total - start)
    if unit != "bytes" or int(first) != start or int(last) != start + length - 1:
        raise DownloadError("another range")
    if length != asked or length <= 0:
        raise DownloadError("another length")
    return length, total


def _request(path: str, host: str, start: int, size: int) -> bytes:
    return (
        "GET %s HTTP/1.1\r\nHost: %s\r\nRange: bytes=%d-%d\r\nConnection: keep-alive\r\n\r\n"
        % (path, host, start, start + size - 1)
    ).encode()
