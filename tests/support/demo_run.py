"""The whole demo as one process, for stories and measurements.

    with running_demo(tmp_path / "demo") as demo:
        demo.client.get("nodes")
        demo.cityfleet("demo", "cut-feeder", "Trần Hưng Đạo")

It is the program that `make demo` starts, in a folder of its own and on free ports.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.client.http import FleetClient
from tools.demo.control import ask

CITYFLEET = Path(sys.prefix) / "bin" / "cityfleet"
READY_WAIT_S = 120.0
END_WAIT_S = 20.0
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class DemoRun:
    """A demo that is ready.

    Attributes:
        folder: its data.
        ready_s: real seconds from the command to "ready".
        server: address of screens and API.
        client: logged in as the demo's operator.
        note: what the demo wrote of itself: ports and process.
        output: the file with all that it printed.
    """

    folder: Path
    ready_s: float
    server: str
    client: FleetClient
    note: dict[str, Any]
    output: Path

    def cityfleet(self, *words: str, check: bool = True) -> str:
        """Runs one command as a user in a second terminal would; what it printed."""
        done = subprocess.run(
            [CITYFLEET, *words],
            env=_environment(self.folder),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"cityfleet {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout + done.stderr

    def plant(self) -> dict[str, dict[str, Any]]:
        """What the virtual bench sees at its pins: node -> lamp level, duty, mains and so on."""
        order = {"do": "status"}
        answer = ask(self.note["ports"]["control"], self.folder / "run" / "control-secret", order)
        return answer["nodes"]

    @property
    def password(self) -> str:
        """The operator's password."""
        return json.loads((self.folder / "operator.json").read_text())["password"]

    @property
    def user(self) -> str:
        """The operator's name."""
        return json.loads((self.folder / "operator.json").read_text())["user"]


@contextmanager
def running_demo(folder: Path, speed: int = 360) -> Generator[DemoRun]:
    """Starts the demo, waits for "ready", and ends it after the block."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder.with_name(folder.name + "-output.txt")
    began = time.monotonic()
    with output.open("wb") as out:
        process = subprocess.Popen(
            [CITYFLEET, "demo", "start", "--speed", str(speed)],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=_environment(folder),
            start_new_session=True,
        )
    try:
        note = _wait_ready(process, folder, output)
        ready_s = time.monotonic() - began
        profile = json.loads((folder / "cli.json").read_text())
        with FleetClient(note["server"], profile["token"]) as client:
            yield DemoRun(folder, ready_s, note["server"], client, note, output)
    finally:
        _end(process)


def _wait_ready(process: "subprocess.Popen[bytes]", folder: Path, output: Path) -> dict[str, Any]:
    end_s = time.monotonic() + READY_WAIT_S
    while time.monotonic() < end_s:
        if process.poll() is not None:
            raise AssertionError(f"the demo ended at once:\n{output.read_text()}")
        try:
            note = json.loads((folder / "run" / "demo.json").read_text())
        except (OSError, ValueError):
            note = dict[str, Any]()
        if note.get("pid") == process.pid and note.get("ready"):
            return note
        time.sleep(LOOK_S)
    raise AssertionError(f"the demo is not ready after {READY_WAIT_S} s:\n{output.read_text()}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(END_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def _environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CITYFLEET_")}
    return {**kept, "CITYFLEET_DEMO_DIR": str(folder)}
