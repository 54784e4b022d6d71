"""A real bench in a process of its own, for tests; leaves no process behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
STAND_IN = Path(__file__).parent / "device" / "stand_in.py"
SECRET = "a-secret-of-the-tests"
WAIT_S = 20.0


def wait_until(what: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """Poll until `what` gives something true, and return it."""
    end_s = time.monotonic() + timeout_s
    while True:
        if found := what():
            return found
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.03)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet waited for does not."""
    done = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state = done.stdout.strip()
    return bool(state) and not state.startswith("Z")


def make_node(
    root: Path,
    node: str,
    kind: str = "streetlight",
    feeder: str | None = None,
    cabinet: str | None = None,
) -> dict[str, Any]:
    """A node's folder with the stand-in as its firmware, and its entry in bench.json."""
    folder = root / "nodes" / node
    folder.mkdir(parents=True)
    (folder / "main.py").write_bytes(STAND_IN.read_bytes())
    config = {
        "node": node,
        "latitude_udeg": 13983000,
        "longitude_udeg": 108000000,
        "utc_offset_min": 420,
    }
    (folder / "config.json").write_text(json.dumps(config))
    subprocess.run(
        [
            *(sys.executable, "-m", "boards.build"),
            *(f"{kind}_esp32", "--out", str(folder / "board.json")),
        ],
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    return {"id": node, "folder": str(folder), "kind": kind, "feeder": feeder, "cabinet": cabinet}


def write_bench(root: Path, nodes: Sequence[dict[str, Any]], **changes: Any) -> Path:
    """bench.json with a control line on a free port."""
    secret = root / "secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    order: dict[str, Any] = {
        "clock": {"real_ref_s": time.time(), "city_ref_s": 1763600000, "speed": 1},
        "seed": 7,
        "control_port": 0,
        "control_secret_file": "secret",
        "log_folder": "logs",
        "nodes": list(nodes),
    }
    path = root / "bench.json"
    path.write_text(json.dumps({**order, **changes}))
    return path


class RunningBench:
    """`python -m boards.virtual` on a bench.json; a context that ends it and all its nodes."""

    def __init__(self, bench: Path, *more: str) -> None:
        self.root = bench.parent
        self.errors = self.root / "bench.err"
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "boards.virtual", "--bench", str(bench), *more],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first.startswith("bench: "), self.errors.read_text()
        self.port = int(first.rsplit(":", 1)[1])

    def __enter__(self) -> "RunningBench":
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals) -> int:
        """Signal the bench and wait for its end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def ask(self, **order: Any) -> dict[str, Any]:
        """Give one order; the answer."""
        return self.talk({"secret": SECRET}, order)

    def talk(self, *lines: dict[str, Any] | bytes) -> dict[str, Any]:
        """Send lines and read one answer."""
        with socket.create_connection(("127.0.0.1", self.port), WAIT_S) as line:
            for item in lines:
                line.sendall(item if isinstance(item, bytes) else json.dumps(item).encode() + b"\n")
            with line.makefile("rb") as answers:
                raw = answers.readline()
        return json.loads(raw) if raw else {}

    def node(self, node: str) -> dict[str, Any]:
        """One node's status."""
        return self.ask(do="status")["nodes"][node]

    def heard(self, node: str) -> list[dict[str, Any]]:
        """What a node's stand-in noted."""
        path = self.root / "nodes" / node / "heard.jsonl"
        with contextlib.suppress(FileNotFoundError):
            return [json.loads(line) for line in path.read_text().splitlines()]
        return []

    def boots(self, node: str) -> list[dict[str, Any]]:
        """The words that a node was booted with."""
        return [note["boot"] for note in self.heard(node) if "boot" in note]

    def up(self, *nodes: str) -> dict[str, int]:
        """Wait until nodes run and have noted their boot; id -> pid."""

        def pids() -> dict[str, int] | None:
            found = self.ask(do="status")["nodes"]
            ready = {
                node: found[node]["pid"]
                for node in nodes
                if found[node]["pid"] and len(self.boots(node)) == found[node]["boots"]
            }
            return ready if len(ready) == len(nodes) else None

        return wait_until(pids)


def end_pids(pids: Sequence[int]) -> None:
    """Kill what a failed test may have left."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
