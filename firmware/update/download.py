"""The bundle on its way to flash: block by block, resumable, judged by what was read back.

The other slot's half of the partition "romfs" is erased, then blocks of one sector are programmed
in order, but the first: that one comes last and only when all the rest has the signed hash.
So what is half-written begins with no header, and no bootstrap mounts it. After a power cut the
newest sector that is not blank tells how far it came; it may be torn and is fetched again. An
order is named in a file of its own once its half is erased; another order starts from nothing.
"""

from firmware.core.errors import DownloadError
from firmware.core.flash import BLANK, SECTOR_BYTES
from firmware.core.storage import read_checked, remove, write_checked
from ota.verify.bundle import BundleHash
from ota.verify.errors import HashMismatch, TooLarge

_ORDER = "state/bundle_order"
_READ_BYTES = 512


def discard() -> None:
    """Nothing is under way any more."""
    remove(_ORDER)


class Download:
    """One order's bundle."""

    def __init__(self, flash: object, slot: str, length: int, order: bytes) -> None:
        """`flash` has both slots (core/flash.py); `slot` is the one that does not run.

        Raises:
            UpdateError: too_large for this board.
        """
        half = flash.sector_count // 2
        self._flash = flash
        self._first = half if slot == "b" else 0
        self._length = length
        self._order = order
        self._count = (length + SECTOR_BYTES - 1) // SECTOR_BYTES
        if self._count > half:
            raise TooLarge("%d bytes for a slot of %d" % (length, half * SECTOR_BYTES))
        self._next = None
        self._head = b""

    async def fetch(self, reader: object, path: str, beat: object) -> None:
        """All blocks, from wherever it was left; `reader` is a net.http.RangeReader.

        Raises:
            DownloadError: the server has something else under that path.
            LinkError, ConnectionLostError: it can be resumed later.
        """
        if self._next is None:
            self._next = self._begin(beat)
        while self._next < self._count:
            data = await self._get(reader, path, self._next, beat)
            self._flash.program(self._first + self._next, 0, data)
            self._next += 1
            beat()
        self._head = await self._get(reader, path, 0, beat)

    def finish(self, sha256: str, beat: object) -> None:
        """Judge what is on flash now; if it is what was signed, give it its beginning.

        Raises:
            UpdateError: length_mismatch or hash_mismatch.
        """
        judge = BundleHash(self._length, sha256)
        judge.update(self._head)
        for at in range(SECTOR_BYTES, self._length, _READ_BYTES):
            judge.update(self._read(at, min(_READ_BYTES, self._length - at)))
            beat()
        judge.finish()
        self._flash.program(self._first, 0, self._head)
        for at in range(0, len(self._head), _READ_BYTES):
            piece = self._head[at : at + _READ_BYTES]
            if self._read(at, len(piece)) != piece:
                self._flash.erase(self._first)
                raise HashMismatch("the first block does not read back")
        discard()

    def _begin(self, beat: object) -> int:
        """Make the half ready; the first block that is missing."""
        if read_checked(_ORDER)[0] != self._order:
            discard()
            for block in range(self._count):
                self._flash.erase(self._first + block)
                beat()
            write_checked(_ORDER, self._order)
            return 1
        newest = self._count - 1
        while newest > 0 and self._is_blank(newest):
            newest -= 1
            beat()
        if newest:
            self._flash.erase(self._first + newest)
        if not self._is_blank(0):
            self._flash.erase(self._first)
        return max(newest, 1)

    async def _get(self, reader: object, path: str, block: int, beat: object) -> bytes:
        offset = block * SECTOR_BYTES
        size = min(SECTOR_BYTES, self._length - offset)
        data, total = await reader.get(path, offset, size, beat)
        if total != self._length:
            raise DownloadError("%d bytes there, %d signed" % (total, self._length))
        if len(data) != size:
            raise DownloadError("%d bytes instead of %d" % (len(data), size))
        return data

    def _is_blank(self, block: int) -> bool:
        for at in range(block * SECTOR_BYTES, (block + 1) * SECTOR_BYTES, _READ_BYTES):
            if self._read(at, _READ_BYTES) != BLANK * _READ_BYTES:
                return False
        return True

    def _read(self, at: int, size: int) -> bytearray:
        piece = bytearray(size)
        self._flash.read(self._first + at // SECTOR_BYTES, at % SECTOR_BYTES, piece)
        return piece
