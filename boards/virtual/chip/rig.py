"""Several virtual boards in one process, each with its port and its buttons.

async with running(settings, library) as board: ...

rig.json, paths relative to its folder:

    {"boards": [{"name": "left", "chip": "esp32s3", "flash_mb": 8, "image": "left.img",
                 "pty": "left.tty", "buttons": "left.buttons"},
                {"name": "right", "chip": "esp32", "flash_mb": 4, "image": "right.img",
                 "rfc2217": 4401, "mac": "02cf00000002"}]}
"""

import contextlib
import fcntl
import hashlib
import json
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from boards.virtual.chip.board import Board
from boards.virtual.chip.buttons import buttons
from boards.virtual.chip.errors import ChipError
from boards.virtual.chip.flash import Flash
from boards.virtual.chip.launch import BoardSettings, make_folder
from boards.virtual.chip.models import find_model
from boards.virtual.chip.pty_line import PtyLine
from boards.virtual.chip.rfc2217_line import Rfc2217Line

_KEYS = {"name", "chip", "flash_mb", "image", "pty", "rfc2217", "buttons", "mac", "plant"}
_MOST_BOARDS = 64
# Locally administered: no maker's number.
_MAC_PREFIX = b"\x02\xcf"


@dataclass(frozen=True, slots=True)
class Place:
    """A board and where it is plugged in.

    Attributes:
        board: What it is made of.
        flash_bytes: Size of its flash.
        pty: Path of its port, or None.
        rfc2217: TCP port on loopback (0: any), or None.
        buttons: Socket of its buttons, or None.
    """

    board: BoardSettings
    flash_bytes: int
    pty: Path | None
    rfc2217: int | None
    buttons: Path | None


def read_rig(path: Path) -> list[Place]:
    """The boards of a rig.

    Raises:
        ChipError: with what is wrong.
    """
    try:
        content: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise ChipError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ChipError(f"{path}: no JSON: {error}") from error
    boards: Any = cast("dict[str, Any]", content).get("boards") if type(content) is dict else None
    if not isinstance(boards, list) or not 0 < len(cast("list[Any]", boards)) <= _MOST_BOARDS:
        raise ChipError(f"{path}: boards: 1 to {_MOST_BOARDS} of them")
    places = [place_of(entry, path.parent) for entry in cast("list[Any]", boards)]
    for what in ("name", "image"):
        values = [str(getattr(place.board, what)) for place in places]
        if len(set(values)) < len(values):
            raise ChipError(f"{path}: two boards with the same {what}")
    return places


def place_of(entry: Any, folder: Path) -> Place:
    """One board from its JSON object.

    Raises:
        ChipError: with what is wrong.
    """
    if not isinstance(entry, dict):
        raise ChipError("a board is a JSON object")
    board = cast("dict[str, Any]", entry)
    if unknown := set(board) - _KEYS:
        raise ChipError(f"a board has no {', '.join(sorted(unknown))}")
    image = folder / _text(board, "image")
    name = _text(board, "name") if "name" in board else image.stem
    flash_mb = board.get("flash_mb")
    if type(flash_mb) is not int:
        raise ChipError(f"{name}: flash_mb: a number of megabytes")
    port = board.get("rfc2217")
    if port is not None and (type(port) is not int or not 0 <= port <= 65535):
        raise ChipError(f"{name}: rfc2217: a TCP port")
    pty = folder / _text(board, "pty") if "pty" in board else None
    if (pty is None) == (port is None):
        raise ChipError(f"{name}: a board has either a pty or an rfc2217 port")
    plant = board.get("plant", {})
    if not isinstance(plant, dict):
        raise ChipError(f"{name}: plant: a JSON object")
    settings = BoardSettings(
        name=name,
        model=find_model(_text(board, "chip")),
        mac=_mac(board.get("mac"), image),
        image=image,
        micropython=_micropython(),
        folder=image.with_name(image.name + ".work"),
        plant=cast("dict[str, Any]", plant),
    )
    pressed = folder / _text(board, "buttons") if "buttons" in board else None
    return Place(settings, flash_mb << 20, pty, port, pressed)


@contextlib.asynccontextmanager
async def running(place: Place, library: Path) -> AsyncGenerator[tuple[Board, str]]:
    """A board under power, and the name of its port for pyserial.

    Raises:
        ChipError: its flash, port or folder cannot be used.
    """
    settings = place.board
    make_folder(settings.folder, library)
    with _alone(settings.folder):
        flash = Flash.open(settings.image, place.flash_bytes, seed=settings.mac[-1])
        board = Board(settings, flash)
        try:
            async with contextlib.AsyncExitStack() as stack:
                if place.pty is not None:
                    line = PtyLine(board, place.pty)
                    stack.callback(line.close)
                    port = str(place.pty)
                else:
                    network = Rfc2217Line(board)
                    stack.push_async_callback(network.close)
                    port = f"rfc2217://127.0.0.1:{await network.open(place.rfc2217 or 0)}"
                if place.buttons is not None:
                    await stack.enter_async_context(buttons(board, place.buttons))
                board.power_on()
                yield board, port
        finally:
            board.power_off()
            flash.close()


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    """No flash image may be in two boards."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChipError(f"{folder}: another board runs with this image") from error
        yield


def _micropython() -> Path:
    path = Path(sys.prefix) / "bin" / "micropython"
    if not path.exists():
        raise ChipError(f"{path} is missing; run: make setup")
    return path


def _text(board: Mapping[str, Any], key: str) -> str:
    value = board.get(key)
    if not isinstance(value, str) or not value:
        raise ChipError(f"{key}: a text")
    return value


def _mac(value: Any, image: Path) -> bytes:
    """The address that is given, or one that is always the same for an image's path."""
    if value is None:
        return _MAC_PREFIX + hashlib.sha256(str(image.resolve()).encode()).digest()[:4]
    try:
        mac = bytes.fromhex(str(value).replace(":", ""))
    except ValueError:
        mac = b""
    if len(mac) != 6:
        raise ChipError(f"mac: six bytes in hexadecimal, not {value!r}")
    return mac
