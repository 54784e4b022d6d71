"""Run virtual boards until told to stop.

python -m boards.virtual.chip --chip esp32s3 --flash-size 8MB --image board.img --pty /tmp/board
python -m boards.virtual.chip --chip esp32 --flash-size 4MB --image board.img --rfc2217 4401
python -m boards.virtual.chip --rig rig.json
"""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from boards.virtual.chip.errors import ChipError
from boards.virtual.chip.models import MODELS
from boards.virtual.chip.rig import Place, place_of, read_rig, running
from boards.virtual.errors import BenchError
from boards.virtual.launch import compile_device


def main() -> int:
    """Run from the command line; a known error is one line and status 2."""
    arguments = _parser().parse_args()
    try:
        asyncio.run(_run(_places(arguments)))
    except BenchError as error:
        print(f"chip: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m boards.virtual.chip",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rig", type=Path, help="several boards (see README.md)")
    parser.add_argument("--chip", choices=MODELS)
    parser.add_argument("--flash-size", metavar="8MB")
    parser.add_argument("--image", type=Path, help="the flash; made blank where it is not there")
    parser.add_argument("--pty", type=Path, help="where to put the serial port")
    parser.add_argument("--rfc2217", metavar="[127.0.0.1:]PORT", help="the serial port on TCP")
    parser.add_argument("--buttons", type=Path, help="where to put the socket of the buttons")
    parser.add_argument("--mac", help="the chip's address")
    return parser


def _places(arguments: argparse.Namespace) -> list[Place]:
    if arguments.rig is not None:
        return read_rig(arguments.rig)
    for option in ("chip", "flash_size", "image"):
        if getattr(arguments, option) is None:
            raise ChipError(f"--{option.replace('_', '-')} is missing")
    size = str(arguments.flash_size).upper().removesuffix("MB")
    if not size.isdecimal():
        raise ChipError(f"--flash-size: {arguments.flash_size!r} is no size such as 8MB")
    entry: dict[str, Any] = {"chip": arguments.chip, "flash_mb": int(size)}
    if arguments.rfc2217 is not None:
        host, _, port = str(arguments.rfc2217).rpartition(":")
        if host not in ("", "127.0.0.1", "localhost") or not port.isdecimal():
            raise ChipError("--rfc2217: a port on 127.0.0.1: the protocol asks for no password")
        entry["rfc2217"] = int(port)
    for option in ("image", "pty", "buttons", "mac"):
        value = getattr(arguments, option)
        if value is not None:
            entry[option] = str(value)
    return [place_of(entry, Path())]


async def _run(places: list[Place]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    async with contextlib.AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cityfleet-chip-")))
        library = compile_device(scratch / "device")
        for place in places:
            board, port = await stack.enter_async_context(running(place, library))
            model = board.settings.model.name
            print(f"chip: {board.settings.name}: {model} at {port}", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
