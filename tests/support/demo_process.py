"""The real demo as a process of its own, and the command `cityfleet` beside it.

    with DemoProcess(tmp_path / "district") as demo:
        demo.wait_ready()
        demo.cityfleet("nodes", "list")

    with running_demo(tmp_path / "district") as demo:        # ready from the first line on
        demo.client.get("nodes")

Leaving the block ends it with everything that it started, and checks that nothing is left.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tools.client.http import FleetClient
from tools.demo.control import ask

# A slow machine that builds everything for the first time, with others beside it.
READY_TIMEOUT_S = 100
END_TIMEOUT_S = 40
COMMAND_TIMEOUT_S = 60
_PROGRAM = Path(sys.prefix) / "bin" / "cityfleet"
_LOOK_S = 0.05


@contextmanager
def running_demo(folder: Path, speed: int = 60) -> Generator["DemoProcess"]:
    """A demo that is ready, for the block."""
    with DemoProcess(folder, speed) as demo:
        demo.wait_ready()
        with demo.client:
            yield demo


class DemoProcess:
    """A demo in a folder of its own.

    Args:
        folder: stays after the end, so that another one can go on with it.
        speed: of the city clock.
    """

    def __init__(self, folder: Path, speed: int = 60) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / ".demo"
        self._speed = speed
        self._log = folder / "demo.out"
        self._process: subprocess.Popen[bytes] | None = None
        self._began_s = 0.0
        # Real seconds from the command to "ready", once it is.
        self.ready_s = 0.0
        kept = {key: value for key, value in os.environ.items() if "CITYFLEET" not in key}
        self.environment = {
            **kept,
            "CITYFLEET_DEMO_DIR": str(self.data),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }

    def __enter__(self) -> Self:
        self._began_s = time.monotonic()
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(_PROGRAM), "demo", "start", "--speed", str(self._speed)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end(signal.SIGINT)

    @property
    def pid(self) -> int:
        """The demo's own process."""
        assert self._process is not None
        return self._process.pid

    def said(self) -> str:
        """What the demo has printed."""
        return self._log.read_text()

    def wait_ready(self) -> None:
        """Waits until all nodes are online and the demo has told what to try."""
        assert self._process is not None
        end_s = time.monotonic() + READY_TIMEOUT_S
        while "Ctrl-C here ends everything" not in self.said():
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < end_s, self.said()
            time.sleep(_LOOK_S)
        self.ready_s = time.monotonic() - self._began_s

    @cached_property
    def note(self) -> dict[str, Any]:
        """What the demo wrote of itself: ports, address and process."""
        return json.loads((self.data / "run" / "demo.json").read_text())

    @property
    def server(self) -> str:
        """The address of screens and API."""
        return self.note["server"]

    @property
    def user(self) -> str:
        """The operator's name."""
        return self._operator["user"]

    @property
    def password(self) -> str:
        """The operator's password."""
        return self._operator["password"]

    @cached_property
    def _operator(self) -> dict[str, str]:
        return json.loads((self.data / "operator.json").read_text())

    @cached_property
    def client(self) -> FleetClient:
        """The API, logged in as the operator."""
        return FleetClient(self.server, json.loads((self.data / "cli.json").read_text())["token"])

    def plant(self) -> dict[str, dict[str, Any]]:
        """What the virtual bench sees at its pins: node -> lamp level, duty, mains and so on."""
        secret = self.data / "run" / "control-secret"
        return ask(self.note["ports"]["control"], secret, {"do": "status"})["nodes"]

    def end(self, number: signal.Signals) -> int:
        """Sends a signal, waits for the end of everything, and returns the exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.wait_end()

    def wait_end(self) -> int:
        """Waits until the demo and all that it started have ended; returns the exit status."""
        assert self._process is not None
        try:
            status = self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        end_s = time.monotonic() + END_TIMEOUT_S
        while left := self.processes():
            assert time.monotonic() < end_s, f"still running: {left}"
            time.sleep(_LOOK_S)
        return status

    def processes(self) -> dict[int, str]:
        """Every process that has to do with this demo: by working folder, arguments or files."""
        mark = str(self.data)
        found: dict[int, str] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                places = [os.readlink(entry / "cwd")]
                places += [os.readlink(link) for link in (entry / "fd").iterdir()]
            except OSError:
                continue  # it has ended meanwhile, or is a zombie
            if mark in command or any(place.startswith(mark) for place in places):
                found[int(entry.name)] = command
        return found

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs `cityfleet` as a user in a second terminal would."""
        return subprocess.run(
            [str(_PROGRAM), *words],
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env=self.environment,
        )

    def cityfleet(self, *words: str) -> str:
        """Runs `cityfleet` and returns what it printed; it must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def asks(self, *words: str) -> Any:
        """Runs `cityfleet ... --json` and returns the data."""
        return json.loads(self.cityfleet(*words, "--json"))

    def fails(self, *words: str) -> str:
        """Runs `cityfleet`, which must fail with one known line; returns it."""
        done = self.run(*words)
        assert done.returncode == 2, f"{words}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stderr

    def levels(self) -> dict[str, int]:
        """What one sees of every lamp from the street, whatever the server believes."""
        nodes: dict[str, dict[str, Any]] = self.asks("demo", "status")["nodes"]
        lamps = {name: node for name, node in nodes.items() if node["kind"] == "streetlight"}
        return {name: int(node["level"]) for name, node in lamps.items()}
