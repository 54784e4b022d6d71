"""Files named by their SHA-256, written once and never changed by the server."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}")


class BlobFolder:
    """One folder of blobs; a half-written one is never seen under its name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Stores `data` for good, also against a power cut, and returns its SHA-256."""
        name = hashlib.sha256(data).hexdigest()
        target = self._folder / name
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written again even if it is there: what is there may have been altered.
        partial = self._folder / f".{name}.{secrets.token_hex(4)}.tmp"
        try:
            with open(partial, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
        return name

    def path(self, sha256: str) -> Path | None:
        """The file of that name; None for anything that is not one."""
        if _NAME.fullmatch(sha256) is None:
            return None
        path = self._folder / sha256
        return path if path.is_file() else None
