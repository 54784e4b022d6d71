"""How quickly one node speaks and wakes, beside a plain client's figures in the same run.

Stopwatch figures of a computer, not of a chip: they show ratios, and where time goes.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.row import Row
from tests.unit.firmware.lab.authority import Authority
from tests.unit.firmware.lab.node import DEVICE, ROOT, Node
from tests.unit.firmware.lab.servers import Broker, Server, open_broker

MESSAGES = 2000
BOOTS = 5
NAME = "bench-node"
_RUNTIME = "micropython-i386"
_PROGRAM = Path(__file__).parent / "device" / "rate.py"
# Deep in the night, so that a lamp that woke has something to do.
_NIGHT_S = 1795273200
_LOOK_S = 0.002
_WAIT_S = 60.0


def measure(folder: Path) -> Iterator[Row]:
    """Every row; takes about half a minute."""
    folder = folder / "node_speed"
    folder.mkdir()
    authority = Authority()
    with open_broker(authority, folder) as broker:
        server = Server(authority, folder, broker.port)
        try:
            node = Node(folder / NAME, authority, NAME, "streetlight", broker.port)
            node.runtime = _RUNTIME
            # The lamp's own line to the bench goes into the log.
            node.word["line_fd"] = 1
            yield from _rate(node, broker, server)
            yield from _wake(node, server)
        finally:
            server.close()


def _rate(node: Node, broker: Broker, server: Server) -> Iterator[Row]:
    done = subprocess.run(
        [
            *(str(Path(sys.prefix) / "bin" / _RUNTIME), "-X", "heapsize=256k", str(_PROGRAM)),
            *(str(broker.port), str(MESSAGES)),
        ],
        cwd=node.folder,
        env={"PATH": os.environ["PATH"], "MICROPYPATH": f"{ROOT}:{DEVICE}:.frozen"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    server.wait(lambda _: len(server.heard) >= MESSAGES, _WAIT_S)
    rate = found["messages"] * 1000 / max(1, found["ms"])
    yield Row(
        f"node to broker over TLS, QoS 1, {MESSAGES} events each acknowledged",
        f"{rate:.0f} messages/s",
        "a feeder's worth of reports in a second",
    )
    yield Row("from the first packet to the accepted session", f"{found['connect_ms']} ms")


def _wake(node: Node, server: Server) -> Iterator[Row]:
    lit_s: list[float] = []
    heard_s: list[float] = []
    for _ in range(BOOTS):
        node.at(_NIGHT_S)
        server.forget()
        log = node.folder.with_suffix(".log")
        log.unlink(missing_ok=True)
        began_s = time.monotonic()
        node.start()
        try:
            lit_s.append(_until(node, '"level": 100', began_s))
            server.wait(lambda message: message.channel in ("report", "batch"), _WAIT_S)
            heard_s.append(time.monotonic() - began_s)
        finally:
            node.cut()
    yield Row("power to the lamp's level", f"{_middle(lit_s)} ms", "under 1 s")
    yield Row("power to the first report at the server", f"{_middle(heard_s)} ms")


def _until(node: Node, words: str, began_s: float) -> float:
    while words not in node.log():
        if time.monotonic() - began_s > _WAIT_S:
            raise AssertionError(node.log())
        time.sleep(_LOOK_S)
    return time.monotonic() - began_s


def _middle(samples: list[float]) -> int:
    return round(sorted(samples)[len(samples) // 2] * 1000)
