"""Small state files that survive a power cut at any moment.

A file is replaced by rename, which is atomic on littlefs and on POSIX; it is never removed
first. Checked files carry a CRC-32 and a twin, because flash also rots in place: the twin
answers when the first copy does not. What the bytes mean is the caller's.

    write_checked("state/boot", b"17")
    data, damaged = read_checked("state/boot")
"""

import os
from binascii import crc32

from firmware.core.limits import STATE_FILE_BYTES

_TWIN = ".twin"


def ensure_folder(path: str) -> None:
    """Make a folder unless it stands; its parent must."""
    try:
        os.mkdir(path)
    except OSError:
        if not is_folder(path):
            raise


def is_folder(path: str) -> bool:
    """Whether `path` is a folder."""
    try:
        return os.stat(path)[0] & 0x4000 != 0
    except OSError:
        return False


def exists(path: str) -> bool:
    """Whether there is anything under `path`."""
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def read_file(path: str, limit: int) -> bytes | None:
    """The file's bytes; None where it is missing, unreadable or larger than `limit`."""
    try:
        if os.stat(path)[6] > limit:
            return None
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def write_atomic(path: str, data: bytes) -> None:
    """Replace a file as a whole: after a cut it is the old one or the new one."""
    draft = path + ".new"
    with open(draft, "wb") as file:
        file.write(data)
        file.flush()
    os.rename(draft, path)


def write_checked(path: str, data: bytes) -> None:
    """Store `data` with its checksum, then the same in the twin."""
    sealed = data + crc32(data).to_bytes(4, "big")
    write_atomic(path, sealed)
    write_atomic(path + _TWIN, sealed)


def read_checked(path: str) -> tuple[bytes | None, bool]:
    """The stored data and whether a copy was found damaged; None where none is good."""
    damaged = False
    for name in (path, path + _TWIN):
        sealed = read_file(name, STATE_FILE_BYTES)
        if sealed is None:
            damaged = damaged or exists(name)
            continue
        data = sealed[:-4]
        if len(sealed) >= 4 and crc32(data).to_bytes(4, "big") == sealed[-4:]:
            return data, damaged
        damaged = True
    return None, damaged


def remove(path: str) -> None:
    """Remove a file and its twin if they are there."""
    for name in (path, path + _TWIN):
        try:
            os.remove(name)
        except OSError:
            pass  # it was not there
