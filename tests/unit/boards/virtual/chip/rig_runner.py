"""A process with virtual boards, and esptool and mpremote run on them as programs."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.virtual.chip.base_image import make_firmware
from boards.virtual.chip.models import find_model
from boards.virtual.chip.press import press
from tests.unit.boards.virtual.bench_runner import ROOT, wait_until

PROGRAMS = Path(sys.prefix) / "bin"
RUN_S = 60
# esptool on a port without DTR and RTS: the board's buttons do what they would.
NO_LINES = ("--before", "no-reset", "--after", "no-reset")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program said, and its exit status."""

    status: int
    said: str


@dataclass(frozen=True, slots=True)
class RigBoard:
    """A board of a rig, from outside."""

    folder: Path
    name: str
    chip: str
    flash_mb: int

    @property
    def image(self) -> Path:
        return self.folder / f"{self.name}.img"

    @property
    def port(self) -> str:
        return str(self.folder / f"{self.name}.tty")

    def press(self, do: str, **more: Any) -> dict[str, Any]:
        return press(self.folder / f"{self.name}.buttons", do, **more)

    def esptool(self, *arguments: str, download: bool = True) -> Ran:
        """Run esptool on the board, which is put into download mode before."""
        if download:
            self.press("download")
        return run("esptool", "--port", self.port, *NO_LINES, *arguments)

    def mpremote(self, *arguments: str, resume: bool = False) -> Ran:
        """Run mpremote on the board."""
        return run("mpremote", "connect", self.port, *(["resume"] if resume else []), *arguments)

    def flash_firmware(self) -> None:
        """Let it have the base image, with no tool between, and boot it."""
        self.press("power_off")
        model = find_model(self.chip)
        with self.image.open("r+b") as file:
            file.write(b"\xff" * (self.flash_mb << 20))
            file.seek(model.boot_loader_at)
            file.write(make_firmware(model, self.flash_mb))
        assert self.press("power_on")["state"] == "running"
        self.wait_for_repl()

    def wait_for_repl(self) -> None:
        """Until MicroPython listens, as it does some hundred milliseconds after a reset."""
        wait_until(lambda: self.press("status")["up"])


def run(program: str, *arguments: str) -> Ran:
    """Run a program to its end."""
    done = subprocess.run(
        [PROGRAMS / program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=RUN_S,
        check=False,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    )
    return Ran(done.returncode, done.stdout)


@contextlib.contextmanager
def rig(folder: Path, chips: dict[str, tuple[str, int]]) -> Generator[dict[str, RigBoard]]:
    """Boards by name, from (chip, megabytes of flash); gone with the context."""
    boards = [
        {
            "name": name,
            "chip": chip,
            "flash_mb": flash_mb,
            "image": f"{name}.img",
            "pty": f"{name}.tty",
            "buttons": f"{name}.buttons",
        }
        for name, (chip, flash_mb) in chips.items()
    ]
    (folder / "rig.json").write_text(json.dumps({"boards": boards}))
    command = [sys.executable, "-m", "boards.virtual.chip", "--rig", str(folder / "rig.json")]
    with (folder / "rig.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        found = {name: RigBoard(folder, name, *chip) for name, chip in chips.items()}
        wait_until(lambda: _are_up(process, found))
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(RUN_S)
    assert status == 0, (folder / "rig.log").read_text()


def _are_up(process: subprocess.Popen[bytes], boards: dict[str, RigBoard]) -> bool:
    assert process.poll() is None
    return all((board.folder / f"{board.name}.buttons").exists() for board in boards.values())
