"""Which files of the repository MicroPython runs: one list for all checks that ask."""

from pathlib import Path

FOLDERS = ("protocols", "ota/verify", "firmware", "boards/virtual/device")


def device_files(root: Path) -> list[Path]:
    """Every Python file below `root` that a node runs, in order."""
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
