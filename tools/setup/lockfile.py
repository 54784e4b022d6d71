"""Reads requirements.lock: which packages it pins, and with which hashes.

The lock is written by `make lock` and installed by pip; this module only splits it, since the
group that carries a Node of our own is installed on machines without Node alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Requirement:
    """One pinned package: its name, its version, its hashes, and its lines in the lock."""

    name: str
    version: str
    hashes: tuple[str, ...]
    text: str


def read_lock(path: Path) -> list[Requirement]:
    """Splits a lock file into its requirements.

    Raises:
        ValueError: a line that begins a requirement does not pin a version.
    """
    blocks: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            blocks.append([line])
        elif line.strip() and blocks:
            blocks[-1].append(line)
    return [_requirement(block) for block in blocks]


def write_requirements(requirements: Iterable[Requirement], path: Path) -> None:
    """Writes requirements as a file that `pip install --require-hashes -r` takes."""
    path.write_text("".join(f"{each.text}\n" for each in requirements), encoding="utf-8")


def _requirement(lines: list[str]) -> Requirement:
    name, equals, rest = lines[0].partition("==")
    version = rest.split(";")[0].rstrip("\\").split()
    if not equals or not version:
        raise ValueError(f"not pinned: {lines[0]}")
    stripped = [line.strip().rstrip("\\").strip() for line in lines[1:]]
    hashes = tuple(line.removeprefix("--hash=") for line in stripped if line.startswith("--hash="))
    return Requirement(name.split("[")[0].strip(), version[0], hashes, "\n".join(lines))
