"""The nodes' consoles as files of bounded size.

A node's process appends to its log itself, so its last words survive a bench that is killed. The
bench looks at the size now and then: what grew too large keeps its end in a second file.
"""

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

# A node prints a few lines an hour; a crash with its traceback is about 1 KB.
LOG_BYTES = 1_000_000
# What stays of a log that grew too large: the end, where the trouble is.
KEEP_BYTES = 256_000


def open_log(folder: Path, node: str) -> BinaryIO:
    """The log of a node, open for appending."""
    return (folder / f"{node}.log").open("ab")


def trim_log(folder: Path, node: str) -> bool:
    """Cut a log that is too large; whether it was.

    Its end moves to NODE.log.1. What the node writes between the two steps is lost.
    """
    path = folder / f"{node}.log"
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size <= LOG_BYTES:
            return False
        with path.open("r+b") as file:
            file.seek(-KEEP_BYTES, os.SEEK_END)
            path.with_suffix(".log.1").write_bytes(file.read(KEEP_BYTES))
            # The node's own file is open for appending, so it goes on at the new end.
            file.truncate(0)
        return True
    return False
