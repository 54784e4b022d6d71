"""The buttons and the plug of a virtual board, for ports that have no DTR and RTS.

A Unix socket that its owner alone may use. A visitor sends lines of JSON and gets one for each,
{"ok": true, "state", "said", "boots", "up"} or {"ok": false, "error": text}:

    {"do": "reset"}  {"do": "download"}  {"do": "power_off"}  {"do": "power_on"}  {"do": "status"}
    {"do": "cut_after", "bytes": 70000}    the power goes once so many more are written to flash
    {"do": "set", "what": "tilt", "value": 30}    as on the bench's control line
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, cast

from boards.virtual.chip.board import STRAP_S, STRAPPING, Board
from boards.virtual.chip.errors import ChipError

_LONGEST_LINE = 4096
_LONGEST_PATH = 100
_STEP_S = 0.01


@contextlib.asynccontextmanager
async def buttons(board: Board, path: Path) -> AsyncGenerator[None]:
    """Serve the board's buttons at `path` for as long as the context lasts.

    Raises:
        ChipError: the socket cannot be made.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                writer.write(json.dumps(await _answer(board, line)).encode() + b"\n")
                await writer.drain()
        writer.close()

    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ChipError(f"{path}: too long a name for a socket")
    old = os.umask(0o177)
    try:
        _remove(path)
        server = await asyncio.start_unix_server(serve, path, limit=_LONGEST_LINE)
    except OSError as error:
        raise ChipError(f"{path}: {error.strerror}") from error
    finally:
        os.umask(old)
    try:
        yield
    finally:
        server.close()
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _answer(board: Board, line: bytes) -> dict[str, Any]:
    try:
        order: object = json.loads(line)
        if not isinstance(order, dict):
            raise ChipError("an order is a JSON object")
        _do(board, cast("dict[str, Any]", order))
    except (ChipError, ValueError) as error:
        return {"ok": False, "error": str(error)}
    # A press is over when the chip has looked at its straps.
    waited_s = 0.0
    while board.state == STRAPPING and waited_s < 2 * STRAP_S:
        await asyncio.sleep(_STEP_S)
        waited_s += _STEP_S
    said = {"state": board.state, "said": board.said, "boots": board.boots, "up": board.is_up}
    return {"ok": True, **said}


def _do(board: Board, order: Mapping[str, Any]) -> None:
    match order:
        case {"do": "reset"}:
            board.reset()
        case {"do": "download"}:
            board.reset(download=True)
        case {"do": "power_off"}:
            board.power_off()
        case {"do": "power_on"}:
            board.power_on()
        case {"do": "cut_after", "bytes": int(count)} if count >= 0:
            board.cut_after(count)
        case {"do": "set", "what": str(what), "value": value}:
            board.set_hand(what, value)
        case {"do": "status"}:
            pass
        case _:
            raise ChipError(f"unknown order {json.dumps(order)[:80]}")
