"""The nodes' HTTPS port: release bundles by their hash, and nothing else.

TLS has already asked for a certificate of the fleet when a request comes here.
Answers GET and HEAD of /blobs/<sha256>, whole or by one byte range.

Source: RFC 9110, section 14 (range requests).
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from fleet_server.ports import Blobs

# A node asks for 4 KiB; a whole file leaves in pieces of this size.
PIECE_BYTES = 64 << 10
_PATH = re.compile(r"/blobs/([0-9a-f]{64})")
_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")


def node_port_app(blobs: Blobs) -> ASGIApp:
    """The ASGI application of the node port."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        found = _PATH.fullmatch(scope["path"])
        path = None
        if found is not None:
            path = await asyncio.to_thread(blobs.path, found.group(1))
        if scope["method"] not in ("GET", "HEAD"):
            await _plain(send, 405, [(b"allow", b"GET, HEAD")])
        elif path is None:
            await _plain(send, 404, [])
        else:
            await _serve(scope, send, path)

    return app


def byte_range(header: str | None, length: int) -> tuple[int, int] | None:
    """The (first, end) of a Range header; the whole file where the header says nothing useful.

    Args:
        header: the header's value; a form that is not one `bytes=a-b` counts as absent.
        length: bytes in the file.

    Returns:
        first byte and end (exclusive), or None when nothing of it lies in the file.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or found.group(1) == found.group(2) == "":
        return 0, length
    first_text, last_text = found.groups()
    if not first_text:
        wanted = int(last_text)
        return (max(0, length - wanted), length) if wanted and length else None
    first = int(first_text)
    last = int(last_text) if last_text else length - 1
    if last_text and last < first:
        return 0, length
    if first >= length:
        return None
    return first, min(last + 1, length)


async def _serve(scope: Scope, send: Send, path: Path) -> None:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    length = await asyncio.to_thread(_length, path)
    asked = headers.get(b"range")
    wanted = byte_range(asked.decode("latin-1") if asked is not None else None, length)
    if wanted is None:
        await _plain(send, 416, [(b"content-range", b"bytes */%d" % length)])
        return
    first, end = wanted
    answer = [
        (b"content-type", b"application/octet-stream"),
        (b"content-length", b"%d" % (end - first)),
        (b"accept-ranges", b"bytes"),
        (b"etag", b'"' + path.name.encode() + b'"'),
        (b"cache-control", b"private, immutable, max-age=31536000"),
    ]
    partial = (first, end) != (0, length)
    if partial:
        answer.append((b"content-range", b"bytes %d-%d/%d" % (first, end - 1, length)))
    await send(
        {"type": "http.response.start", "status": 206 if partial else 200, "headers": answer}
    )
    if scope["method"] == "HEAD" or first == end:
        await send({"type": "http.response.body", "body": b""})
        return
    while first < end:
        piece = await asyncio.to_thread(_read, path, first, min(PIECE_BYTES, end - first))
        first += len(piece)
        # A file cut short since its length was told: end here, the client sees it.
        more = bool(piece) and first < end
        await send({"type": "http.response.body", "body": piece, "more_body": more})
        if not more:
            return


async def _plain(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [*headers, (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _length(path: Path) -> int:
    return path.stat().st_size


def _read(path: Path, first: int, count: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(first)
        return file.read(count)
