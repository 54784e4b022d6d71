"""What the record ring stands on: sectors that are erased whole and programmed once.

The interface, and the same of a raw partition (drivers/partition.py):

    sector_count                          how many sectors of SECTOR_BYTES there are
    read(sector, offset, buffer)          fill the buffer
    program(sector, offset, data)         clear bits; only ever where the sector is blank
    erase(sector)                         all bytes 0xFF

Here stands the flash of a board without a partition for the ring: one file per sector in a
folder. An erased sector is an empty file and a program lengthens it, which is what littlefs
does best; with two copies that is still 2.2 erases per record (measured), against 0.03 on a
raw partition.
"""

import os

from firmware.core.storage import ensure_folder

SECTOR_BYTES = 4096
BLANK = b"\xff"


class FileFlash:
    """Sectors as files of one folder; whoever holds it is the only one that writes there."""

    def __init__(self, folder: str, sector_count: int) -> None:
        """Make the folder unless it stands; its parent must."""
        ensure_folder(folder)
        self._folder = folder
        self.sector_count = sector_count

    def read(self, sector: int, offset: int, buffer: bytearray) -> None:
        """Fill `buffer` from a place; what was never programmed reads as 0xFF."""
        count = 0
        try:
            with open(self._path(sector), "rb") as file:
                file.seek(offset)
                count = file.readinto(buffer) or 0
        except OSError:
            pass  # a sector that was never used has no file
        size = len(buffer)
        if count < size:
            buffer[count:] = BLANK * (size - count)

    def program(self, sector: int, offset: int, data: bytes) -> None:
        """Write where the sector is blank."""
        path = self._path(sector)
        try:
            size = os.stat(path)[6]
        except OSError:
            size = 0
        with open(path, "ab" if offset >= size else "r+b") as file:
            if offset > size:
                file.write(BLANK * (offset - size))
            elif offset < size:
                file.seek(offset)
            file.write(data)

    def erase(self, sector: int) -> None:
        """Make a sector blank."""
        with open(self._path(sector), "wb"):
            pass

    def _path(self, sector: int) -> str:
        return "%s/%02d" % (self._folder, sector)
