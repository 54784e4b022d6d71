"""Tells whether a process is still the one that was meant, although numbers are used again.

A mark is a text that two processes with the same number never share: when it was started. A note
of (pid, mark) stays right after a crash, a restart of the machine and the reuse of the number.
"""

import os
import subprocess
from pathlib import Path

_PROC = Path("/proc")
_BOOT_ID = _PROC / "sys/kernel/random/boot_id"
_PS_TIMEOUT_S = 5.0


def process_mark(pid: int) -> str | None:
    """What identifies a living process; None when no such process lives.

    A zombie does not live: it runs nothing any more and only waits to be counted.
    """
    if pid <= 0:
        return None
    if _BOOT_ID.exists():
        return _linux_mark(pid)
    return _ps_mark(pid)


def is_alive(pid: int, mark: str) -> bool:
    """Whether the very process lives to which the mark was given."""
    return process_mark(pid) == mark


def _linux_mark(pid: int) -> str | None:
    # Source: proc(5), /proc/pid/stat: state is field 3, start time in ticks since boot field 22.
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in field 2 may hold anything, blanks and brackets too, but ends at the last one.
    fields = stat[stat.rindex(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X"):
        return None
    return f"{_BOOT_ID.read_text().strip()}:{int(fields[19])}"


def _ps_mark(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        timeout=_PS_TIMEOUT_S,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    state, _, started = answer.stdout.strip().partition(" ")
    if answer.returncode != 0 or not started or state.startswith("Z"):
        return None
    return " ".join(started.split())
