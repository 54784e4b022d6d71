"""How far the server has acknowledged, on flash: few small numbers that change often.

An entry is appended to a sector and the newest good one counts; a full sector is erased and
begun anew. All of it lies in two sectors, each with every entry, and the one that lacks the
newest entry is written first: at any moment one of them holds what was saved last.

    entry     serial u32 | values u32 .. | CRC-32 u32, little endian
"""

from binascii import crc32

from firmware.core.flash import BLANK, SECTOR_BYTES


class CursorLog:
    """`count` numbers below 2**32 in sectors `start` and `start` + 1 of a flash."""

    def __init__(self, flash: object, start: int, count: int) -> None:
        """Find the newest entry; nothing is written."""
        self._flash = flash
        self._start = start
        self._count = count
        self._entry_bytes = 4 * count + 8
        self._serial = 0
        self._ends = [0, 0]
        # The numbers as saved last, None when none were.
        self.values = None
        serials = [self._find(0), self._find(1)]
        self._first_copy = 0 if serials[0] <= serials[1] else 1

    def save(self, values: tuple[int, ...]) -> None:
        """Keep the numbers; they are kept from the moment that this returns.

        Raises:
            OSError: the flash fails.
        """
        serial = self._serial + 1
        entry = bytearray(serial.to_bytes(4, "little"))
        for value in values:
            entry.extend(value.to_bytes(4, "little"))
        entry.extend(crc32(entry).to_bytes(4, "little"))
        for copy in (self._first_copy, 1 - self._first_copy):
            end = self._ends[copy]
            # If this fails half-way the sector is not clean any more.
            self._ends[copy] = SECTOR_BYTES
            if end + self._entry_bytes > SECTOR_BYTES:
                self._flash.erase(self._start + copy)
                end = 0
            self._flash.program(self._start + copy, end, entry)
            self._ends[copy] = end + self._entry_bytes
        self._serial = serial
        self._first_copy = 0
        self.values = tuple(values)

    def _find(self, copy: int) -> int:
        """Read one sector through: the serial of its newest good entry, 0 for none."""
        size = self._entry_bytes
        entry = bytearray(size)
        blank = BLANK * size
        newest = 0
        for offset in range(0, SECTOR_BYTES - size + 1, size):
            self._flash.read(self._start + copy, offset, entry)
            if entry == blank:
                continue
            self._ends[copy] = offset + size
            check = int.from_bytes(entry[size - 4 :], "little")
            if crc32(entry[: size - 4]) != check:
                continue
            serial = int.from_bytes(entry[:4], "little")
            newest = max(newest, serial)
            if serial >= self._serial:
                self._serial = serial
                self.values = tuple(
                    [int.from_bytes(entry[at : at + 4], "little") for at in range(4, size - 4, 4)]
                )
        return newest
