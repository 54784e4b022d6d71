"""Remembers what set-up has finished, so that the next run can leave it alone.

A stamp is a small JSON file that is written last and atomically, after the work it speaks of:
work that was interrupted has no stamp and is done again.
"""

import hashlib
import json
import os
from pathlib import Path


def digest(*parts: str | bytes | Path) -> str:
    """The SHA-256 of texts, bytes and the contents of files, in order, as hex."""
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            data = part.read_bytes()
        else:
            data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "big"))
        sha.update(data)
    return sha.hexdigest()


def is_stamped(path: Path, value: dict[str, str]) -> bool:
    """Whether the stamp at `path` says exactly `value`."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) == value
    except (OSError, ValueError):
        return False


def write_stamp(path: Path, value: dict[str, str]) -> None:
    """Writes a stamp in place of the one before."""
    write_atomically(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Writes a whole text file, or leaves the one before untouched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(mode)
    fresh.replace(path)
