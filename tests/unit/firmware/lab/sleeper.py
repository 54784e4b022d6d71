"""A bin that sleeps: its process comes and goes on a real bench, whose clock runs fast."""

import contextlib
import json
import re
import signal
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from tests.unit.boards.virtual.bench_runner import RunningBench, write_bench
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node

MORNING_S = 1795312800  # 2026-11-22, 09:00 in Da Lat
BIN = "t-bin"


class Asleep:
    """A sleeping bin on a bench, and what its console says."""

    def __init__(self, node: Node, bench: RunningBench) -> None:
        self.node = node
        self.bench = bench

    def set(self, what: str, value: Any) -> None:
        """Change something around it."""
        assert self.bench.ask(do="set", node=BIN, what=what, value=value) == {"ok": True}

    def log(self) -> str:
        """Its console."""
        path = self.bench.root / "logs" / f"{BIN}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wakes(self) -> list[tuple[int, int, bool]]:
        """Each wake that ended in order: (awake ms, sleeps s, whether it connected)."""
        found: list[tuple[int, int, bool]] = []
        connected = False
        for line in self.log().splitlines():
            connected = connected or "session: connected" in line
            if ended := re.search(r"awake for (\d+) ms, sleeps for (\d+) s", line):
                found.append((int(ended[1]), int(ended[2]), connected))
                connected = False
        return found

    def sleeps(self) -> bool:
        """Whether nobody runs now."""
        return self.bench.node(BIN)["pid"] is None


@contextlib.contextmanager
def asleep(lab: Lab, folder: Path, speed: float, **config: Any) -> Generator[Asleep]:
    """A sleeping bin whose city runs at a speed; other keywords go into config.json.

    `lacking` names parts that its board has not, `prepare(node)` is called before its first boot.
    """
    lacking = config.pop("lacking", ())
    prepare = config.pop("prepare", None)
    node = lab.new_node("smart_bin", BIN, **{"sleep_s": 60, "report_s": 300, **config})
    board = json.loads((node.folder / "board.json").read_text())
    for part in lacking:
        del board["parts"][part]
    (node.folder / "board.json").write_text(json.dumps(board))
    if prepare is not None:
        prepare(node)
    entry = {"id": BIN, "folder": str(node.folder), "kind": "smart_bin"}
    clock = {"real_ref_s": time.time(), "city_ref_s": MORNING_S, "speed": speed}
    with RunningBench(write_bench(folder, [entry], clock=clock)) as running:
        yield Asleep(node, running)
        running.end(signal.SIGTERM)
