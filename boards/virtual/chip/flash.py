"""A SPI NOR flash chip in a file: erase to ones, program only clears, power can go at any byte.

The file is the flash, byte for byte; a running node writes to it by the same rules
(device/flash_image.py). Bytes outlive the process as they outlive the power.

flash = Flash.open(path, 8 << 20)
flash.erase(0x10000, 0x1000); flash.program(0x10000, data)
"""

import os
import random
from pathlib import Path
from typing import Self

from boards.virtual.chip.errors import FlashError, PowerCut

SECTOR_BYTES = 4096
BLOCK_BYTES = 65536
PAGE_BYTES = 256
# Sizes that modules are sold with; esptool names no others for these chips.
SIZES_MB = (1, 2, 4, 8, 16, 32)


class Flash:
    """The chip.

    Attributes:
        size: Bytes.
        written_bytes: How many were programmed or erased so far, in all.
    """

    def __init__(self, file: int, size: int, seed: int = 0) -> None:
        self._file = file
        self.size = size
        self.written_bytes = 0
        self._cut_at: int | None = None
        self._chance = random.Random(seed)

    @classmethod
    def open(cls, path: Path, size: int, seed: int = 0) -> Self:
        """Open the image, or make a blank one.

        Raises:
            FlashError: no such size of flash, an image of another size, no right to write.
        """
        if size not in {megabytes << 20 for megabytes in SIZES_MB}:
            raise FlashError(f"there is no flash of {size} bytes")
        try:
            if not path.exists():
                _make_blank(path, size)
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise FlashError(f"{path}: {error.strerror}") from error
        found = os.fstat(file).st_size
        if found != size:
            os.close(file)
            raise FlashError(f"{path}: holds {found} bytes, the flash has {size}")
        return cls(file, size, seed)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes as they stand.

        Raises:
            FlashError: outside of the chip.
        """
        self._check(offset, size)
        return os.pread(self._file, size, offset)

    def erase(self, offset: int, size: int) -> None:
        """Make whole sectors ones.

        Raises:
            FlashError: outside of the chip, or no whole sectors.
            PowerCut: in the middle.
        """
        self._check(offset, size)
        if offset % SECTOR_BYTES or size % SECTOR_BYTES:
            raise FlashError("only whole sectors can be erased")
        for at in range(offset, offset + size, BLOCK_BYTES):
            count = min(BLOCK_BYTES, offset + size - at)
            done = self._may_write(count)
            os.pwrite(self._file, b"\xff" * done, at)
            if done < count:
                self._tear_erase(at + done)
                raise PowerCut

    def program(self, offset: int, data: bytes) -> None:
        """Clear the bits that are zero in `data`; a bit that is zero stays so.

        Raises:
            FlashError: outside of the chip.
            PowerCut: in the middle.
        """
        self._check(offset, len(data))
        done = self._may_write(len(data))
        old = os.pread(self._file, done, offset)
        os.pwrite(self._file, _cleared(old, data[:done]), offset)
        if done < len(data):
            self._tear_program(offset + done, data[done])
            raise PowerCut

    def cut_after(self, count: int | None) -> None:
        """Take the power away after so many more bytes were written; None takes that back."""
        self._cut_at = None if count is None else self.written_bytes + count

    def _may_write(self, count: int) -> int:
        if self._cut_at is not None and self.written_bytes + count > self._cut_at:
            count = self._cut_at - self.written_bytes
            self._cut_at = None
        self.written_bytes += count
        return count

    def _tear_erase(self, at: int) -> None:
        """A sector whose erase was cut short: some of its bits have become ones."""
        end = at - at % SECTOR_BYTES + SECTOR_BYTES
        old = int.from_bytes(os.pread(self._file, end - at, at), "little")
        torn = old | self._chance.getrandbits(8 * (end - at))
        os.pwrite(self._file, torn.to_bytes(end - at, "little"), at)

    def _tear_program(self, at: int, wanted: int) -> None:
        """A byte whose programming was cut short: some of its bits are cleared."""
        old = os.pread(self._file, 1, at)[0]
        os.pwrite(self._file, bytes([old & (wanted | self._chance.getrandbits(8))]), at)

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise FlashError(f"{offset:#x} and {size} bytes lie outside of the flash")


def _cleared(old: bytes, data: bytes) -> bytes:
    if old.count(0xFF) == len(old):
        return data
    both = int.from_bytes(old, "little") & int.from_bytes(data, "little")
    return both.to_bytes(len(data), "little")


def _make_blank(path: Path, size: int) -> None:
    """Whole or not at all."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        for _ in range(size // BLOCK_BYTES):
            file.write(b"\xff" * BLOCK_BYTES)
    new.replace(path)
