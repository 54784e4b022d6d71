"""What the nodes are started with: the program, its environment, the word of the bench.

Owns what the bench makes in its work folder: the device half compiled once for all, and the
measured series brought to equal steps. README.md says what the word holds.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.virtual.errors import SettingsError
from boards.virtual.series import STEP_S, Resampled, prepare_greenhouse, prepare_river
from boards.virtual.settings import BenchSettings, NodeSettings
from ota.compiler import compile_sources, default_cache
from ota.errors import BuildError

_DEVICE = Path(__file__).parent / "device"
# A node in an update needs 210 KB of a 64-bit build (160 KB of a 32-bit one), its simulated
# board 50 KB more.
HEAP = "512k"
# Nothing else of the bench's own environment reaches a node.
_PASSED_ON = ("LANG", "LC_ALL", "TMPDIR")
# Kind of node -> the series in bench.json that it replays.
_SERIES_OF = {"greenhouse": "greenhouse", "reservoir": "river"}
# Greenhouses under one sky see the same weather some minutes apart.
_GREENHOUSE_STEP_S, _GREENHOUSE_STEPS = 240, 5
# Gauges on different rivers see their floods at different times and stand a little apart.
_RIVER_STEP_S, _RIVER_STEPS = 9 * 3600, 7
_RIVER_BASE_M, _RIVER_BASES = 0.3, 3


@dataclass(frozen=True, slots=True)
class Launch:
    """How one node's process is started.

    Attributes:
        argv: Program and arguments.
        environment: All of its environment but the word.
        word: The word of the bench, without what changes from boot to boot.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    word: Mapping[str, Any]

    @property
    def speed(self) -> float:
        """City seconds in a real one; of a clock that stands, next to nothing."""
        return max(float(self.word["clock"]["speed"]), 1e-6)

    def environment_of(
        self, cause: int, mains: bool, hand: Mapping[str, Any], wake: int = 0
    ) -> dict[str, str]:
        """The whole environment of one boot; `wake` is what ended a deep sleep."""
        word = {**self.word, "cause": cause, "mains": mains, "set": dict(hand), "wake": wake}
        return {**self.environment, "CITYFLEET_BENCH": json.dumps(word)}


@contextlib.contextmanager
def alone(work_folder: Path) -> Generator[None]:
    """Hold the bench's work folder: no node may run twice.

    Raises:
        SettingsError: another bench runs with the same bench.json, or no folder can be made.
    """
    try:
        work_folder.mkdir(parents=True, exist_ok=True)
        lock = (work_folder / "lock").open("w")
    except OSError as error:
        raise SettingsError(f"{work_folder}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(f"{work_folder}: a bench runs here already") from error
        yield


def prepare(settings: BenchSettings) -> dict[str, Launch]:
    """Make ready what the nodes need; node id -> how it is started.

    Raises:
        SettingsError: MicroPython is missing, a series is damaged, a folder cannot be written.
    """
    micropython = Path(sys.prefix) / "bin" / "micropython"
    if not micropython.exists():
        raise SettingsError(f"{micropython} is missing; run: make setup")
    try:
        settings.log_folder.mkdir(parents=True, exist_ok=True)
        library = compile_device(settings.work_folder / "device")
        series = _all_series(settings)
    except OSError as error:
        raise SettingsError(f"{error.filename}: {error.strerror}") from error
    environment = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    environment["PATH"] = os.defpath
    environment["MICROPYPATH"] = f"{library}:.frozen"
    argv = (str(micropython), "-X", f"heapsize={HEAP}", "-m", "power_on")
    return {
        node.id: Launch(argv, environment, _word(settings, node, series[node.id]))
        for node in settings.nodes
    }


def seed_of(bench_seed: int, node: str) -> int:
    """32 bits of chance of a node's own, the same at every start."""
    digest = hashlib.sha256(f"{bench_seed}/{node}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _word(
    settings: BenchSettings, node: NodeSettings, series: dict[str, Any] | None
) -> dict[str, Any]:
    word: dict[str, Any] = {
        "node": node.id,
        "kind": node.kind,
        "seed": seed_of(settings.seed, node.id),
        "clock": settings.clock.word(),
        "latitude_udeg": node.latitude_udeg,
        "longitude_udeg": node.longitude_udeg,
        # Standard input is a socket: what the node writes to it comes to the bench.
        "line_fd": 0,
    }
    if series is not None:
        word["series"] = series
    return word


def compile_device(library: Path) -> Path:
    """The device half as .mpy: forty nodes need not compile it forty times.

    Raises:
        SettingsError: it does not compile.
        OSError: the folder cannot be written.
    """
    sources = {
        path.relative_to(_DEVICE).as_posix(): path.read_bytes() for path in _DEVICE.rglob("*.py")
    }
    try:
        compiled = compile_sources(sources, default_cache())
    except BuildError as error:
        raise SettingsError(str(error)) from error
    shutil.rmtree(library, ignore_errors=True)
    for name, data in compiled.items():
        target = (library / name).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return library


def _all_series(settings: BenchSettings) -> dict[str, dict[str, Any] | None]:
    """Node id -> the series that it replays, in the words of the device's series.py."""
    found: dict[str, dict[str, Any] | None] = {}
    climate: Resampled | None = None
    for node in settings.nodes:
        source = settings.series.get(_SERIES_OF.get(node.kind, ""))
        seed = seed_of(settings.seed, node.id)
        local_s = node.utc_offset_min * 60
        if source is None:
            found[node.id] = None
        elif node.kind == "greenhouse":
            if climate is None:
                climate = prepare_greenhouse(source, settings.work_folder / "greenhouse.series")
            shift_s = seed % _GREENHOUSE_STEPS * _GREENHOUSE_STEP_S
            found[node.id] = _replay(climate, local_s - shift_s)
        else:
            base_m = _middle_m(node) + seed % _RIVER_BASES * _RIVER_BASE_M
            made = prepare_river(source, settings.work_folder / f"{node.id}.series", base_m)
            found[node.id] = _replay(made, local_s + seed % _RIVER_STEPS * _RIVER_STEP_S)
    return found


def _replay(made: Resampled, shift_s: int) -> dict[str, Any]:
    return {
        "path": str(made.path),
        "columns": list(made.columns),
        "rows": made.rows,
        "step_s": STEP_S,
        "shift_s": shift_s,
    }


def _middle_m(node: NodeSettings) -> float:
    """The middle of the gauge's span: dry and flood both stay within it."""
    level = node.parts.get("level", {})
    low_mm, high_mm = level.get("low_mm"), level.get("high_mm")
    if type(low_mm) is not int or type(high_mm) is not int:
        raise SettingsError(f"{node.folder}/board.json: the part level has no span")
    return (low_mm + high_mm) / 2000
