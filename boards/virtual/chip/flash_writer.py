"""FLASH_BEGIN .. FLASH_END, plain and compressed: blocks in order, erased before they are written.

The ROM erases all of it at the beginning, the stub each sector just before it is written.
Order is a precondition: data without a beginning, or out of order, is refused.
"""

import zlib

from boards.virtual.chip.errors import FlashError
from boards.virtual.chip.flash import PAGE_BYTES, SECTOR_BYTES, Flash
from boards.virtual.chip.packets import CommandError, Fault


class FlashWriter:
    """One download into flash."""

    def __init__(self, flash: Flash, offset: int, size: int, blocks: int, compressed: bool) -> None:
        """Begin.

        Args:
            flash: Where to.
            offset: First byte.
            size: How many bytes are to be written, uncompressed.
            blocks: How many blocks of data will come.
            compressed: Whether they are a zlib stream.

        Raises:
            CommandError: it does not fit the flash.
        """
        if offset + size > flash.size:
            raise CommandError(Fault.INVALID_MESSAGE)
        self._flash = flash
        self._at = offset
        self._end = offset + size
        self._blocks = blocks
        self._next_block = 0
        self._inflate = zlib.decompressobj() if compressed else None
        self._erased_to: int | None = None

    def erase_all(self) -> None:
        """What the ROM does before the first block."""
        start = self._at - self._at % SECTOR_BYTES
        end = min(_round_up(self._end), self._flash.size)
        self._flash.erase(start, end - start)
        self._erased_to = end

    def take(self, number: int, data: bytes) -> None:
        """Write one block.

        Raises:
            CommandError: out of order, too much, or no zlib stream.
            PowerCut: in the middle.
        """
        if number != self._next_block or number >= self._blocks:
            raise CommandError(Fault.INVALID_MESSAGE)
        self._next_block += 1
        if self._inflate is None:
            # The last block is filled up to its size; what lies beyond the end is not written.
            self._write(data[: self._end - self._at])
            return
        try:
            plain = self._inflate.decompress(data, self._end - self._at + 1)
        except zlib.error as error:
            raise CommandError(Fault.DEFLATE) from error
        if len(plain) > self._end - self._at:
            raise CommandError(Fault.DEFLATE)
        self._write(plain)

    def _write(self, data: bytes) -> None:
        try:
            self._erase_for(len(data))
            for start in range(0, len(data), PAGE_BYTES * 16):
                piece = data[start : start + PAGE_BYTES * 16]
                self._flash.program(self._at, piece)
                self._at += len(piece)
        except FlashError as error:
            raise CommandError(Fault.FLASH_WRITE) from error

    def _erase_for(self, count: int) -> None:
        start = self._at - self._at % SECTOR_BYTES if self._erased_to is None else self._erased_to
        end = _round_up(self._at + count)
        if end > start:
            self._flash.erase(start, end - start)
            self._erased_to = end


def _round_up(offset: int) -> int:
    return -(-offset // SECTOR_BYTES) * SECTOR_BYTES
