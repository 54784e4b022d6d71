"""Runs a program of device/ on a real MicroPython and reads its results."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.build import build

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = Path(__file__).parent / "device"
DEVICE = ROOT / "boards" / "virtual" / "device"
RUNTIMES = ("micropython", "micropython-i386")


@dataclass(frozen=True, slots=True)
class Results:
    """What a program's cases said."""

    values: dict[str, Any]
    failed: dict[str, str]
    errors: str

    def check(self) -> None:
        """Every case held, and there was one."""
        assert not self.failed, f"{self.failed}\n{self.errors}"
        assert self.values, self.errors


def run_device(
    program: str,
    runtime: str,
    folder: Path,
    *arguments: str,
    kind: str | None = None,
    heap: str = "512k",
    timeout_s: float = 60.0,
) -> Results:
    """Run device/<program>.py with cwd `folder`.

    Args:
        program: Name without .py.
        runtime: One of RUNTIMES.
        folder: Its working folder.
        arguments: sys.argv of the program.
        kind: Whose board.json to put into the folder, for programs that use machine.
        heap: Heap size.
        timeout_s: After this it has failed.
    """
    if kind is not None:
        build(f"{kind}_esp32", folder / "board.json")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "MICROPYPATH": f"{PROGRAMS}:{ROOT}:{DEVICE}:.frozen",
    }
    done = subprocess.run(
        [
            str(Path(sys.prefix) / "bin" / runtime),
            *("-X", f"heapsize={heap}", str(PROGRAMS / f"{program}.py"), *arguments),
        ],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    values: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            result = json.loads(line)
            if result["ok"]:
                values[result["case"]] = result.get("value")
            else:
                failed[result["case"]] = result["error"]
    if done.returncode:
        failed["exit"] = f"status {done.returncode}"
    return Results(values, failed, done.stdout + done.stderr)
