"""The heap of a real node on the i386 MicroPython, whose block and pointer sizes are an ESP32's.

The firmware is booted by its own bootstrap from a factory-fresh folder on the virtual board.
What the simulators hold in the same heap is measured and taken off, and so is the program that
watches (device/heap_watch.py).
"""

import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ota.compiler import compile_sources, default_cache
from ota.flash_image import write_factory_flash
from ota.publish import Application, build_bundle, release_sources
from tests.unit.firmware.lab.authority import Authority
from tests.unit.firmware.lab.node import ROOT, Node

_DEVICE = Path(__file__).with_name("device")
_RUNTIME = "micropython-i386"
_BLOCK_BYTES = 16
_BOOT_MS = 5000
_TIMEOUT_S = 200.0
# New year's eve of 2025, before midnight in Vietnam: the month has Tet in it.
_CITY_S = 1767196800
# See DAY_MS in device/heap_watch.py.
_SOAK_SPEED = 6
# Beats and sensor rounds of the month stand for this many of their kind: the garbage of one is
# that of the next, and the heap is collected between.
_STRETCHED = {
    "firmware/nodes/streetlight/program.py": {
        "_LAMP_MS": 150000,
        "_METER_MS": 150000,
        "_CLIMATE_MS": 150000,
    },
    "firmware/net/session.py": {"_IDLE_MS": 150000},
    "firmware/core/limits.py": {"SUPERVISOR_MS": 150000},
    "firmware/update/updater.py": {"_STEP_MS": 15000},
    "firmware/core/reporter.py": {"_STEP_MS": 150000},
}
_REPORT_S = 900


@dataclass(frozen=True, slots=True)
class Heap:
    """A heap after a collection, in bytes.

    Attributes:
        node: What the firmware holds, with the interpreter and asyncio.
        bench: What simulated parts and the watching program hold in the same heap.
        free: What is free.
        largest: The largest free block.
        facts: What else the node told.
    """

    node: int
    bench: int
    free: int
    largest: int
    facts: dict[str, Any]


def boot(kind: str, folder: Path, heap: str) -> Heap:
    """Some seconds after power-on, all tasks running, nobody on the network.

    Raises:
        AssertionError: it does not come up in that heap.
    """
    node = _node(kind, folder, 9, heap)
    return _watch(node, "boot", str(_BOOT_MS))


def modules(kind: str, folder: Path) -> dict[str, int]:
    """Bytes of heap that each module of the application adds when it is imported.

    Names are kept once for all modules, in tables that grow by doubling: the module that makes
    one grow bears the whole of it, so single figures are coarse and only the sum is exact.
    """
    told = _watch(_node(kind, folder, 9, "512k"), "modules").facts["modules"]
    own = ("firmware", "protocols", "ota")
    return {name: size for name, size in told.items() if name.split(".")[0] in own}


def soak(
    kind: str, folder: Path, heap: str, days: int, broker_port: int, authority: Authority
) -> Heap:
    """After `days` of reports, beats, nights and broken connections, by leaping over the waits."""
    node = _node(kind, folder, broker_port, heap, authority)
    node.at(_CITY_S, _SOAK_SPEED)
    _stretch(node, folder / "sources")
    fast = _DEVICE / "fast" / "time.py"
    return _watch(node, "soak", str(days), more={"time.py": fast.read_bytes()})


def _node(
    kind: str, folder: Path, broker_port: int, heap: str, authority: Authority | None = None
) -> Node:
    node = Node(
        folder / "node",
        authority or Authority(),
        "budget-node",
        kind,
        broker_port,
        report_s=_REPORT_S // _SOAK_SPEED,
        # A soak leaps over the waits: pings would be most of what it does. (At 65535 Mosquitto
        # 2.0.21 hangs up within a second.)
        keepalive_s=30000,
        ack_timeout_s=600,
    )
    if kind in ("greenhouse", "reservoir"):
        node.replay(folder)
    node.runtime = _RUNTIME
    node.heap = heap
    return node


def _stretch(node: Node, root: Path) -> None:
    """Give the node an application whose rounds are longer."""
    sources = release_sources(ROOT, node.kind)
    assert set(_STRETCHED) <= set(sources)
    for name, path in sources.items():
        text = path.read_text()
        for constant, value in _STRETCHED.get(name, {}).items():
            text, count = re.subn(rf"(?m)^{constant} = .*$", f"{constant} = {value}", text)
            # A name that is gone must not go unnoticed.
            assert count == 1, f"{constant} in {name}"
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    bundle = build_bundle(root, Application(node.kind, "1.0.0", 1), default_cache())
    shutil.rmtree(node.folder / "flash")
    write_factory_flash(bundle, (node.folder / "board.json").read_bytes(), node.folder)


def _watch(node: Node, *arguments: str, more: dict[str, bytes] | None = None) -> Heap:
    folder = node.folder.parent / "watch"
    folder.mkdir()
    sources = {"heap_watch.py": (_DEVICE / "heap_watch.py").read_bytes(), **(more or {})}
    for name, code in compile_sources(sources, default_cache()).items():
        (folder / name).with_suffix(".mpy").write_bytes(code)
    node.modules = [folder]
    node.program = ["-m", "heap_watch", *arguments]
    node.start()
    try:
        deadline = time.monotonic() + _TIMEOUT_S
        while node.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        node.cut()
    return _parsed(node.log())


def _parsed(log: str) -> Heap:
    told = [json.loads(line[5:]) for line in log.splitlines() if line.startswith("HEAP ")]
    largest = re.findall(r"max free sz: (\d+)", log)
    names = [int(count) for count in re.findall(r"n_qstr=(\d+)", log)]
    if len(told) != 2 or len(largest) != 2 or len(names) != 2:
        raise AssertionError(log[-3000:])
    start, end = told
    bench = start["bench"] + start["own"] - _bare()
    # The simulators' names came first and fill the small tables: without them the node's would.
    bench += _names_bytes(names[1]) - _names_bytes(names[0]) - _names_bytes(names[1] - names[0])
    return Heap(end["used"] - bench, bench, end["free"], int(largest[1]) * _BLOCK_BYTES, end)


def _names_bytes(count: int) -> int:
    """What the tables of names take for so many: the first has room for 20, each next for twice.

    Source: MicroPython py/qstr.c; a name takes two bytes of hash, one of length and a pointer.
    """
    size, room, table = 0, 0, 20
    while room < count:
        size += table * 7
        room += table
        table *= 2
    return size


def _bare() -> int:
    """What the interpreter holds before it runs anything."""
    program = str(Path(sys.prefix) / "bin" / _RUNTIME)
    code = "import gc; gc.collect(); print(gc.mem_alloc())"
    done = subprocess.run(
        [program, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    return int(done.stdout)
