"""Ends the demo's processes when the demo itself was killed and cannot do it.

A small process of its own, `python -m tools.demo.keeper`. The demo writes to its standard input
a line `+ pid mark` for each process that it starts and `- pid` for each that has ended. When the
demo ends, for whatever reason, the system closes the pipe: whatever is still on the list is
asked to end and killed after a while, with its whole process group. It inherits the demo's lock,
so the next demo waits until the last process is gone.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

from tools.demo.marks import is_alive

GRACE_S = 5.0
_LOOK_S = 0.05


def read_orders(lines: Iterable[str]) -> dict[int, str]:
    """What is on the list when the lines end: the mark of each pid.

    A damaged line, as a cut write leaves it, is passed over.
    """
    kept: dict[int, str] = {}
    for line in lines:
        words = line.split(" ", 2)
        if len(words) >= 2 and words[1].strip().isdigit():
            pid = int(words[1])
            if words[0] == "+" and len(words) == 3 and line.endswith("\n"):
                kept[pid] = words[2].rstrip("\n")
            elif words[0] == "-":
                kept.pop(pid, None)
    return kept


def end_all(kept: dict[int, str], grace_s: float = GRACE_S) -> None:
    """Asks each process to end, last started first, and kills the group of what stays."""
    living = {pid for pid, mark in kept.items() if is_alive(pid, mark)}
    for pid in reversed(kept):
        if pid in living:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)
    end_s = time.monotonic() + grace_s
    while time.monotonic() < end_s and any(is_alive(pid, kept[pid]) for pid in living):
        time.sleep(_LOOK_S)
    for pid in living:
        # Each one leads a group of its own; this also reaches children that it left behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


class _AskedToEndError(Exception):
    """Somebody ends the keeper: the processes that it keeps end with it."""


def _raise_asked(*_: object) -> None:
    raise _AskedToEndError


def main() -> None:
    """Waits for the end of standard input, then ends what is on the list."""
    signal.signal(signal.SIGTERM, _raise_asked)
    lines: list[str] = []
    with contextlib.suppress(_AskedToEndError):
        # Not a comprehension: what was read before the interruption must stay.
        for line in sys.stdin:
            lines.append(line)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_all(read_orders(lines))


if __name__ == "__main__":
    main()
