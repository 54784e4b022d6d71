"""A factory-fresh node's folder, and its process on a virtual board."""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from boards.build import build
from boards.virtual.series import STEP_S, prepare_greenhouse, prepare_river
from ota.compiler import compile_sources
from ota.flash_image import write_factory_flash
from ota.publish import Application, build_bundle, default_cache
from tests.unit.firmware.lab.authority import Authority

ROOT = Path(__file__).resolve().parents[4]
DEVICE = ROOT / "boards" / "virtual" / "device"
DATA = ROOT / "boards" / "virtual" / "data"
EXIT_RESET = 75
# A street alone: nobody waits for a turn, and the self-test comes when a story asks for it.
_IN_A_LAB = {"spread_s": 0, "self_test_s": 86400, "sleep_s": 0}


class Node:
    """One node: its files, and its process while it has power."""

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        name: str,
        kind: str,
        broker_port: int,
        download_port: int = 9,
        counter: int = 1,
        **config: Any,
    ) -> None:
        self.folder = folder
        self.name = name
        self.kind = kind
        self.word: dict[str, Any] = {"node": name, "seed": 1}
        self.runtime = "micropython"
        self.heap = "512k"
        # What MicroPython runs, and folders of modules that come before the board's.
        self.program = ["-m", "power_on"]
        # A program that starts the runtime, such as one that moves its clocks.
        self.before: list[str] = []
        self.modules: list[Path] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._boots = 0
        folder.mkdir(parents=True)
        identity = authority.issue(name)
        (folder / "identity").mkdir()
        (folder / "identity" / "key.der").write_bytes(identity.key_der())
        (folder / "identity" / "cert.der").write_bytes(identity.der())
        (folder / "identity" / "ca.der").write_bytes(authority.root.der())
        self.write_config(
            node=name,
            kind=kind,
            latitude_udeg=13983000,
            longitude_udeg=108000000,
            utc_offset_min=420,
            broker=["127.0.0.1", broker_port],
            download=["127.0.0.1", download_port],
            **{"report_s": 1, "backoff_max_s": 1, "measure_ms": 300, **_IN_A_LAB, **config},
        )
        build(f"{kind}_esp32", folder / "board.json")
        shutil.copy(ROOT / "firmware" / "boot" / "main.py", folder / "main.py")
        (folder / "slots.json").write_text(json.dumps({"active": "a"}))
        board = (folder / "board.json").read_bytes()
        write_factory_flash(bundle_of(kind, counter=counter), board, folder)

    def write_config(self, **config: Any) -> None:
        """Write config.json."""
        (self.folder / "config.json").write_text(json.dumps(config))

    def use_board(self, board: str, **parts: dict[str, Any]) -> None:
        """Another board for the same kind; some settings of its parts changed."""
        path = self.folder / "board.json"
        build(board, path)
        description = json.loads(path.read_text())
        for name, settings in parts.items():
            description["parts"][name].update(settings)
        path.write_text(json.dumps(description))

    def change_config(self, **config: Any) -> None:
        """Change some of config.json."""
        old = json.loads((self.folder / "config.json").read_text())
        self.write_config(**{**old, **config})

    def at(self, city_s: float, speed: float = 1) -> None:
        """From the next boot on the city's clock shows `city_s`, or runs from it."""
        self.word["clock"] = {"real_ref_s": time.time(), "city_ref_s": city_s, "speed": speed}

    def replay(self, folder: Path) -> None:
        """Give the sensors their measured series."""
        target = folder / f"{self.name}.series"
        if self.kind == "greenhouse":
            made = prepare_greenhouse(DATA / "greenhouse.csv", target)
        else:
            made = prepare_river(DATA / "river.csv", target, 5.0)
        self.word["series"] = {
            "path": str(made.path),
            "columns": list(made.columns),
            "rows": made.rows,
            "step_s": STEP_S,
            "shift_s": 0,
        }

    def start(self, cause: int = 1) -> None:
        """Give it power."""
        assert self._process is None
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "MICROPYPATH": ":".join(map(str, [*self.modules, self._device(), ".frozen"])),
            "CITYFLEET_BENCH": json.dumps({**self.word, "cause": cause}),
        }
        with (self.folder.parent / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self.before,
                    str(Path(sys.prefix) / "bin" / self.runtime),
                    *("-X", f"heapsize={self.heap}", *self.program),
                ],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        self._boots += 1

    def tell(self, **command: Any) -> None:
        """A command of the bench to the plant."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def set(self, what: str, value: Any) -> None:
        """Change something around the node."""
        self.tell(set=what, value=value)

    def wait_end(self, timeout_s: float = 30.0) -> int:
        """Wait for the process to end by itself: its exit code."""
        assert self._process is not None
        code = self._process.wait(timeout_s)
        self._forget()
        return code

    def wait_reset(self, timeout_s: float = 30.0) -> None:
        """Wait for a reset and boot again, as the bench does."""
        code = self.wait_end(timeout_s)
        assert code == EXIT_RESET, self.log()
        self.start(2)

    def cut(self) -> None:
        """Take the power away without a warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._forget()

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """What it printed so far."""
        return (self.folder.parent / f"{self.name}.log").read_text(errors="replace")

    def wait_log(self, text: str, timeout_s: float = 20.0, times: int = 1) -> None:
        """Wait until it has printed something, so many times."""
        deadline = time.monotonic() + timeout_s
        while self.log().count(text) < times:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def add_part(self, name: str, buses: dict[str, Any], **part: Any) -> None:
        """Solder another part to the board."""
        path = self.folder / "board.json"
        board: dict[str, Any] = json.loads(path.read_text())
        board["buses"].update(buses)
        board["parts"][name] = part
        path.write_text(json.dumps(board))

    def slots(self) -> dict[str, Any]:
        """slots.json."""
        return json.loads((self.folder / "slots.json").read_text())

    def stored(self, name: str) -> bytes:
        """A file under state/."""
        return (self.folder / "state" / name).read_bytes()

    def damage(self, name: str, *, twin: bool = False) -> None:
        """Flip a bit of a file of the node, and of its twin."""
        for path in (self.folder / name, self.folder / f"{name}.twin")[: 2 if twin else 1]:
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 0x04
            path.write_bytes(data)

    def _device(self) -> Path:
        """The virtual board's modules, compiled once per test folder as the bench does."""
        library = self.folder.parent / "device"
        if not library.exists():
            sources = {
                path.relative_to(DEVICE).as_posix(): path.read_bytes()
                for path in DEVICE.rglob("*.py")
            }
            for name, data in compile_sources(sources, default_cache()).items():
                target = (library / name).with_suffix(".mpy")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        return library

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process = None


@functools.cache
def bundle_of(kind: str, version: str = "1.0.0", counter: int = 1) -> bytes:
    """The application of a kind, compiled."""
    return build_bundle(ROOT, Application(kind, version, counter), default_cache())


@contextlib.contextmanager
def power(node: Node) -> Generator[Node]:
    """The node under power; cut at the end whatever happens."""
    node.start()
    try:
        yield node
    finally:
        node.cut()
