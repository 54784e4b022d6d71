"""The bundle on its way to flash: in blocks, resumable, judged by what was read back.

The length of the part file is the journalled offset: each block is closed, hence committed,
before the next one is asked for. A part file belongs to one order, named in a file beside
it; another order starts from nothing.
"""

import os

from firmware.core.errors import DownloadError
from firmware.core.limits import DOWNLOAD_BLOCK_BYTES
from firmware.core.storage import (
    ensure_folder,
    read_checked,
    remove,
    remove_tree,
    write_checked,
)
from ota.verify.bundle import BundleHash, BundleReader

_PART = "state/bundle"
_ORDER = "state/bundle_order"
_READ_BYTES = 512


def offset_of(order: bytes) -> int:
    """How many bytes of this order are on flash already, in whole blocks."""
    if read_checked(_ORDER)[0] != order:
        remove(_PART)
        write_checked(_ORDER, order)
        return 0
    try:
        size = os.stat(_PART)[6]
    except OSError:
        return 0
    whole = size - size % DOWNLOAD_BLOCK_BYTES
    if whole != size:
        _cut(whole)
    return whole


def discard() -> None:
    """Give the space of a part file back."""
    remove(_PART)
    remove(_ORDER)


async def fetch(reader: object, path: str, length: int, order: bytes, beat: object) -> None:
    """Bring the part file to `length` bytes; `reader` is a net.http.RangeReader.

    Raises:
        DownloadError: the server has something else under that path.
        LinkError, ConnectionLostError: it can be resumed later.
    """
    offset = offset_of(order)
    if offset > length:
        discard()
        offset = offset_of(order)
    while offset < length:
        size = min(DOWNLOAD_BLOCK_BYTES, length - offset)
        block, total = await reader.get(path, offset, size, beat)
        if total != length:
            raise DownloadError("%d bytes there, %d signed" % (total, length))
        with open(_PART, "ab") as file:
            file.write(block)
        offset += len(block)
        beat()


def check(length: int, sha256: str, beat: object) -> None:
    """Hash what is on flash now.

    Raises:
        UpdateError: length_mismatch or hash_mismatch.
    """
    judge = BundleHash(length, sha256)
    with open(_PART, "rb") as file:
        while True:
            piece = file.read(_READ_BYTES)
            if not piece:
                break
            judge.update(piece)
            beat()
    judge.finish()


def unpack(length: int, slot: str, beat: object) -> None:
    """Replace the files of a slot by those of the bundle on flash.

    Raises:
        UpdateError: the bundle does not follow its format.
        OSError: the flash is full.
    """
    root = "slots/" + slot
    ensure_folder("slots")
    remove_tree(root)
    os.mkdir(root)
    bundle = BundleReader(length)
    target = None
    try:
        with open(_PART, "rb") as file:
            while True:
                piece = file.read(_READ_BYTES)
                if not piece:
                    break
                for path, data, end in bundle.feed(piece):
                    if target is None:
                        target = open(_make_room(root, path), "wb")
                    target.write(data)
                    if end:
                        target.close()
                        target = None
                beat()
        bundle.finish()
    finally:
        if target is not None:
            target.close()


def _make_room(root: str, path: str) -> str:
    parts = path.split("/")
    folder = root
    for name in parts[:-1]:
        folder += "/" + name
        ensure_folder(folder)
    return folder + "/" + parts[-1]


def _cut(size: int) -> None:
    """Drop the half block that a power cut left at the end of the part file."""
    if size == 0:
        remove(_PART)
        return
    with open(_PART, "rb") as old, open(_PART + ".new", "wb") as new:
        while size:
            piece = old.read(min(_READ_BYTES, size))
            new.write(piece)
            size -= len(piece)
    os.rename(_PART + ".new", _PART)
