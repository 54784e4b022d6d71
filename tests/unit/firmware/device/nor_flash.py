"""SIMULATOR of a raw NOR flash in memory, with its rules held strictly and its wear counted.

An erase makes a sector 0xFF, a program may only clear bits; where the firmware
would set one this fails at once, where a chip would just keep the 0. A cut can be put on any
write: what the write then leaves behind depends on the mode.

    lost     nothing of it
    half     its first half
    torn     the bytes it was writing are random
    ruined   every byte of its sector is random, whatever was there
"""

from firmware.core.flash import SECTOR_BYTES

MODES = ("lost", "half", "torn", "ruined")


class PowerCutError(Exception):
    """The power is gone in the middle of a write."""


class Chance:
    """Random numbers that are the same at every start (32 bits, xorshift)."""

    def __init__(self, seed: int) -> None:
        self._state = seed or 1
        self._pool = b""

    def below(self, bound: int) -> int:
        state = self._state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        self._state = state
        return state % bound

    def bytes(self, count: int) -> bytes:
        """Slices of one random text: a fresh one for each of a sweep's cuts takes too long."""
        if not self._pool:
            self._pool = bytes([self.below(65536) >> 8 for _ in range(2 * SECTOR_BYTES)])
        at = self.below(len(self._pool) - count + 1)
        return self._pool[at : at + count]


class NorFlash:
    """Sectors in memory; `before_write(sector, offset, data or None)` is called at each write."""

    def __init__(self, sector_count: int, content: bytes | None = None) -> None:
        self.sector_count = sector_count
        self.content = bytearray(content or b"\xff" * (sector_count * SECTOR_BYTES))
        self.before_write = None
        self.erases = 0
        self.programs = 0
        self.programmed_bytes = 0
        self.wear = [0] * sector_count

    def read(self, sector: int, offset: int, buffer: bytearray) -> None:
        at = self._at(sector, offset, len(buffer))
        buffer[:] = memoryview(self.content)[at : at + len(buffer)]

    def program(self, sector: int, offset: int, data: bytes) -> None:
        at = self._at(sector, offset, len(data))
        if self.before_write is not None:
            self.before_write(sector, offset, data)
        old = self.content[at : at + len(data)]
        if old != b"\xff" * len(data):
            for index in range(len(data)):
                if data[index] & ~old[index]:
                    raise AssertionError("a program sets a bit at %d:%d" % (sector, offset + index))
        self.content[at : at + len(data)] = data
        self.programs += 1
        self.programmed_bytes += len(data)

    def erase(self, sector: int) -> None:
        at = self._at(sector, 0, SECTOR_BYTES)
        if self.before_write is not None:
            self.before_write(sector, 0, None)
        self.content[at : at + SECTOR_BYTES] = b"\xff" * SECTOR_BYTES
        self.erases += 1
        self.wear[sector] += 1

    def after_cut(self, mode: str, sector: int, offset: int, data: bytes | None, chance: Chance):
        """A flash as a cut in this write leaves it; this one stays as it is."""
        flash = NorFlash(self.sector_count, self.content)
        content = flash.content
        size = SECTOR_BYTES if data is None else len(data)
        at = sector * SECTOR_BYTES + offset
        if mode == "half":
            half = size // 2
            content[at : at + half] = b"\xff" * half if data is None else data[:half]
        elif mode == "torn":
            content[at : at + size] = chance.bytes(size)
        elif mode == "ruined":
            at = sector * SECTOR_BYTES
            content[at : at + SECTOR_BYTES] = chance.bytes(SECTOR_BYTES)
        return flash

    def _at(self, sector: int, offset: int, size: int) -> int:
        if not 0 <= sector < self.sector_count or offset < 0 or offset + size > SECTOR_BYTES:
            raise AssertionError("outside of the flash: %d:%d+%d" % (sector, offset, size))
        return sector * SECTOR_BYTES + offset
