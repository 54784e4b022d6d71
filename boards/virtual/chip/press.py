"""Press a virtual board's buttons: `python -m boards.virtual.chip.press SOCKET download`.

Orders: reset, download (reset with BOOT held down), power_off, power_on, status, and cut_after with
a number of bytes. Prints the board's state.
"""

import argparse
import json
import socket
import sys
from pathlib import Path
from typing import Any

from boards.virtual.chip.errors import ChipError

_WAIT_S = 10.0
_ORDERS = ("reset", "download", "power_off", "power_on", "status", "cut_after")


def press(path: Path, do: str, **more: Any) -> dict[str, Any]:
    """Give one order; the board's answer.

    Raises:
        ChipError: no board there, or it does not know the order.
    """
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_WAIT_S)
            line.connect(str(path))
            line.sendall(json.dumps({"do": do, **more}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(line.makefile("rb").readline() or b"{}")
    except (OSError, ValueError) as error:
        raise ChipError(f"{path}: no board answers ({error})") from error
    if not answer.get("ok"):
        raise ChipError(answer.get("error", f"{path}: no board answers"))
    return answer


def main() -> int:
    """Give an order from the command line; a known error is one line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m boards.virtual.chip.press")
    parser.add_argument("socket", type=Path, help="the board's --buttons")
    parser.add_argument("order", choices=_ORDERS)
    parser.add_argument("bytes", type=int, nargs="?", default=0, help="for cut_after")
    arguments = parser.parse_args()
    more = {"bytes": arguments.bytes} if arguments.order == "cut_after" else {}
    try:
        print(press(arguments.socket, arguments.order, **more)["state"])
    except ChipError as error:
        print(f"press: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
