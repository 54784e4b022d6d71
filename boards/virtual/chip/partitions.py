"""The partition table in flash, in its binary form: read and checked, and made.

Source: ESP-IDF Programming Guide, "Partition Tables": entries of 32 bytes, magic AA 50, an MD5
entry EB EB; the texts are what the boot loader prints.
"""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from boards.virtual.chip.errors import TableError

TABLE_AT = 0x8000
TABLE_BYTES = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC = b"\xaa\x50"
_DIGEST_MAGIC = b"\xeb\xeb" + b"\xff" * 14
_END = b"\xff" * 32
APP, DATA = 0, 1
FACTORY, OTA_0, OTA_LAST = 0x00, 0x10, 0x1F
OTADATA = 0x00


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int


def read_table(data: bytes, flash_bytes: int) -> tuple[Partition, ...]:
    """Read and check a table.

    Raises:
        TableError: it has a wrong magic or digest, no end, or reaches beyond the flash.
    """
    found: list[Partition] = []
    for at in range(0, len(data) - 31, 32):
        entry = data[at : at + 32]
        if entry == _END:
            return tuple(found)
        if entry[:16] == _DIGEST_MAGIC:
            if hashlib.md5(data[:at], usedforsecurity=False).digest() != entry[16:]:
                raise TableError("partition table MD5 mismatch")
            continue
        magic, kind, subtype, offset, size, label, _flags = _ENTRY.unpack(entry)
        if magic != _ENTRY_MAGIC:
            number = int.from_bytes(magic, "little")
            raise TableError(f"partition {at // 32} invalid magic number 0x{number:x}")
        if offset + size > flash_bytes:
            raise TableError(
                f"partition {at // 32} invalid - offset 0x{offset:x} size 0x{size:x} "
                f"exceeds flash chip size 0x{flash_bytes:x}"
            )
        text = label.split(b"\0")[0].decode("utf-8", "replace")
        found.append(Partition(text, kind, subtype, offset, size))
    raise TableError("partition table has no terminating entry, not valid")


def make_table(entries: Mapping[str, list[int]]) -> bytes:
    """A flash map (boards/flash_map.py) in binary form."""
    body = b"".join(
        _ENTRY.pack(_ENTRY_MAGIC, kind, subtype, offset, size, label.encode(), 0)
        for label, (kind, subtype, offset, size) in entries.items()
    )
    body += _DIGEST_MAGIC + hashlib.md5(body, usedforsecurity=False).digest()
    assert len(body) + len(_END) <= TABLE_BYTES
    return body.ljust(TABLE_BYTES, b"\xff")
