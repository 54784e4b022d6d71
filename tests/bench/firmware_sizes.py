"""What the firmware weighs: flash by module, heap by module, instructions, bytes on the wire.

Nothing here depends on how fast the machine is; the budgets behind the aims are held by
tests/budgets.
"""

from collections.abc import Iterator
from pathlib import Path

from ota.compiler import compile_sources, default_cache
from ota.publish import Application, build_bundle, read_bundle, release_sources
from protocols import messages
from protocols.fields import KIND_CODES, KIND_NAMES, STREETLIGHT
from tests.bench.row import Row
from tests.budgets import heap, instructions
from tests.budgets.limits import (
    HEAP_BOOT_BYTES,
    MQTT_CLIENT,
    REPORT_INSTRUCTIONS,
    SUNRISE_INSTRUCTIONS,
)
from tests.budgets.samples import AT_S, ROWS

ROOT = Path(__file__).parents[2]
KIND = "streetlight"
# mqtt_as, the nearest public MQTT client for MicroPython.
MQTT_AIM = "at most 9 KB for the client (mqtt_as: 11.0 KB)"
# Ours runs from flash, where mqtt_as as .mpy lies in the heap.
MQTT_HEAP = "mqtt_as: 17.6 KB"
# The modules that are worth a line of their own.
_MODULES_SHOWN = 12
_REPORT_BYTES = 48
_BATCH_BYTES = 200
_INSTRUCTIONS = (
    ("report", 20, REPORT_INSTRUCTIONS),
    ("report smart_bin", 20, REPORT_INSTRUCTIONS),
    ("report greenhouse", 20, REPORT_INSTRUCTIONS),
    ("report reservoir", 20, REPORT_INSTRUCTIONS),
    ("report control_cabinet", 20, REPORT_INSTRUCTIONS),
    ("readings", 10, None),
    ("batch", 3, None),
    ("sunrise", 2, SUNRISE_INSTRUCTIONS),
    ("gliding sun", 1, SUNRISE_INSTRUCTIONS),
    ("night plan", 1, None),
)


def measure(folder: Path) -> Iterator[Row]:
    """Every row; takes about a minute."""
    yield from flash()
    yield from wire()
    yield from cost(folder / "counted")
    yield from memory(folder / "heap")


def module_bytes(kind: str) -> dict[str, int]:
    """The .mpy bytes of each file that ships to a kind."""
    bundle = build_bundle(ROOT, Application(kind, "1.0.0", 1), default_cache())
    return {path: len(data) for path, data in read_bundle(bundle).items()}


def flash() -> Iterator[Row]:
    """.mpy bytes: by kind, by package, the heaviest modules, the MQTT client, the bootstrap."""
    for kind in KIND_CODES:
        sizes = module_bytes(kind)
        yield Row(f".mpy of a {kind}, {len(sizes)} modules", _bytes(sum(sizes.values())))
    sizes = module_bytes(KIND)
    packages: dict[str, int] = {}
    for path, size in sizes.items():
        parts = path.split("/")
        package = "/".join(parts[:2]) if len(parts) > 2 else parts[0]
        packages[package] = packages.get(package, 0) + size
    for package, size in sorted(packages.items(), key=lambda item: -item[1]):
        yield Row(f".mpy of {package}", _bytes(size))
    for path, size in sorted(sizes.items(), key=lambda item: -item[1])[:_MODULES_SHOWN]:
        yield Row(f".mpy of {path.removesuffix('.mpy')}", _bytes(size))
    client = sum(sizes[path] for path in MQTT_CLIENT)
    yield Row(".mpy of the MQTT client (core, session, transport)", _bytes(client), MQTT_AIM)
    boot = {"main.py": (ROOT / "firmware" / "boot" / "main.py").read_bytes()}
    yield Row(".mpy of the bootstrap", _bytes(len(compile_sources(boot, None)["main.py"])))


def wire() -> Iterator[Row]:
    """Bytes of each kind's report and of ten in a batch, night values of a lamp in its second year;
    and of the shortest event."""
    for kind, name in KIND_NAMES.items():
        values = ROWS[kind]
        report = messages.encode_report(kind, 3, 1000, AT_S, values)
        rows = [(AT_S + 900 * number, _drifting(values, number)) for number in range(10)]
        batch = messages.encode_batch(kind, 3, 1000, rows)
        is_lamp = kind == STREETLIGHT
        report_aim = f"at most {_REPORT_BYTES} bytes" if is_lamp else ""
        batch_aim = f"at most {_BATCH_BYTES} bytes" if is_lamp else ""
        yield Row(f"report of a {name}, {len(values)} fields", f"{len(report)} bytes", report_aim)
        yield Row(f"ten reports of a {name} in a batch", f"{len(batch)} bytes", batch_aim)
    gasp = messages.encode_event(STREETLIGHT, 3, 1000, AT_S, messages.LAST_GASP, {})
    yield Row("last gasp", f"{len(gasp)} bytes")


def cost(folder: Path) -> Iterator[Row]:
    """Instructions on the i386 MicroPython."""
    modules = instructions.compiled(ROOT, folder)
    for work, rounds, budget in _INSTRUCTIONS:
        count = instructions.per_round(work, rounds, modules)
        aim = f"at most {budget:,}" if budget else ""
        yield Row(f"instructions: {_WORKS[work]}", f"{count:,}", aim)


_WORKS = {
    "report": "encode a streetlight's report",
    "report smart_bin": "encode a smart bin's report",
    "report greenhouse": "encode a greenhouse's report",
    "report reservoir": "encode a reservoir's report",
    "report control_cabinet": "encode a cabinet's report",
    "readings": "scale a streetlight's 14 readings",
    "batch": "encode ten reports as a batch",
    "sunrise": "sunrise and sunset of a day at Pleiku",
    "gliding sun": "the same at Tromso, the sun gliding along the horizon",
    "night plan": "a night's plan with two sun steps",
}


def memory(folder: Path) -> Iterator[Row]:
    """Heap on the i386 MicroPython: a booted node of each kind, and by module."""
    aim = f"at most {HEAP_BOOT_BYTES // 1024} KiB"
    for kind in KIND_CODES:
        place = folder / kind
        place.mkdir(parents=True)
        held = heap.boot(kind, place, "512k").node
        yield Row(f"heap of a booted {kind}", f"{held / 1024:.1f} KiB", aim)
    place = folder / "modules"
    place.mkdir()
    sizes = heap.modules(KIND, place)
    shipped = {path.removesuffix(".py").replace("/", ".") for path in release_sources(ROOT, KIND)}
    loaded = len(shipped & set(sizes))
    yield Row(
        f"heap of {loaded} loaded modules of a {KIND}", f"{sum(sizes.values()) / 1024:.1f} KiB"
    )
    client = [name.removesuffix(".mpy").replace("/", ".") for name in MQTT_CLIENT]
    yield Row(
        "heap of the MQTT client's modules (core, session, transport)",
        _bytes(sum(sizes[name] for name in client)),
        MQTT_HEAP,
    )
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:_MODULES_SHOWN]:
        yield Row(f"heap of {name}", _bytes(size))


def _drifting(values: list[int | None], step: int) -> list[int | None]:
    """Readings a quarter of an hour apart: measured ones waver, counters count."""
    return [
        value if value is None or value < 100 else value + (step * 7 + place * 3) % 5 - 2
        for place, value in enumerate(values)
    ]


def _bytes(count: int) -> str:
    return f"{count:,} bytes"
