"""How many instructions a piece of a node's work takes, counted by Valgrind's callgrind.

The work runs as .mpy on the real i386 MicroPython in the heap of an ESP32. Two runs, one with
twice the rounds, make start-up and imports cancel; the count of a run repeats exactly.

    with_modules = compiled(repository, folder)
    per_round("report", 20, with_modules)
"""

import re
import subprocess
import sys
from pathlib import Path

from ota.compiler import compile_sources, default_cache
from tools.setup.runtimes import recorded
from tools.setup.testing import COUNT, VALGRIND

HEAP = "heapsize=128k"
_PROGRAM = Path(__file__).with_name("device") / "repeat.py"
_SAMPLES = Path(__file__).with_name("samples.py")
_TIMEOUT_S = 110


def compiled(repository: Path, folder: Path) -> Path:
    """What is counted and the program that does it, as they ship, in a folder for MICROPYPATH."""
    sources = {
        path.relative_to(repository).as_posix(): path.read_bytes()
        for folder in ("protocols", "ota/verify", "firmware", "firmware/core", "firmware/identity")
        for path in (repository / folder).glob("*.py")
    }
    sources["ota/__init__.py"] = b""
    sources["repeat.py"] = _PROGRAM.read_bytes()
    sources["samples.py"] = _SAMPLES.read_bytes()
    for name, code in compile_sources(sources, default_cache()).items():
        target = (folder / name).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(code)
    return folder


def per_round(work: str, rounds: int, modules: Path) -> int:
    """Instructions of one round of a work of device/repeat.py, the loop around it included."""
    return (count(work, 2 * rounds, modules) - count(work, rounds, modules)) // rounds


def count(work: str, rounds: int, modules: Path) -> int:
    """Instructions of the whole process."""
    venv = Path(sys.prefix)
    command = [
        *(str(venv / "bin" / VALGRIND), *COUNT, *recorded("micropython-i386", venv)),
        *("-X", HEAP, "-m", "repeat", work, str(rounds)),
    ]
    # An environment of our own: its size moves the stack, and the collector scans the stack.
    environment = {"MICROPYPATH": f"{modules}:.frozen", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        raise AssertionError(done.stdout + done.stderr)
    return int(found[1])
