"""SIMULATOR of MicroPython's esp32 module: raw flash, wake pins and the pulse sender of a node.

The flash map is the board's (board.json); the bytes of a partition lie in flash/<label>.img
in the node's folder, blank at first, and outlive the process as flash outlives the power.
The rules are NOR's: an erase makes a sector 0xFF, a write with an offset only clears bits.
"""

import json
import os
import time

from plant import power, waking
from plant.wiring import plant

# The pulse sender counts periods of this clock, divided; a pulse has 15 bits of them.
_RMT_HZ = 80000000
_RMT_LONGEST = 32767
_RMT_PULSES = 128

_SECTOR_BYTES = 4096
_BLOCK_COUNT = 4
_BLOCK_SIZE = 5
_BLOCK_ERASE = 6
_ANY = 0xFF
_FOLDER = "flash"


WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True


def wake_on_ext0(pin: object, level: bool) -> None:
    """Let one pin end the next deep sleep; None takes it back."""
    waking.arm(plant(), power.EXT0_WAKE, [] if pin is None else [pin], level)


def wake_on_ext1(pins: object, level: bool) -> None:
    """Let any of some pins end the next deep sleep; None takes them back."""
    waking.arm(plant(), power.EXT1_WAKE, list(pins or ()), level)


class Partition:
    """One partition of the flash map."""

    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, label: str, entry: list[int]) -> None:
        """`entry` is (type, subtype, offset, size); programs use find."""
        self._label = label
        self._entry = entry
        self._image = None

    @staticmethod
    def find(
        type: int = TYPE_APP, subtype: int = _ANY, label: str | None = None, block_size: int = 4096
    ) -> list:
        """The partitions that fit, in the order of the map."""
        if block_size != _SECTOR_BYTES:
            raise ValueError("block size")
        with open("board.json") as file:
            partitions = json.load(file).get("partitions", {})
        found = []
        for name, entry in sorted(partitions.items(), key=lambda item: item[1][2]):
            fits = entry[0] == type and subtype in (_ANY, entry[1])
            if fits and label in (None, name):
                found.append(Partition(name, entry))
        return found

    def info(self) -> tuple:
        """(type, subtype, offset, size, label, encrypted)."""
        return tuple(self._entry) + (self._label, False)

    def ioctl(self, command: int, argument: int) -> int | None:
        """Number of sectors, their size, or an erase."""
        if command == _BLOCK_COUNT:
            return self._entry[3] // _SECTOR_BYTES
        if command == _BLOCK_SIZE:
            return _SECTOR_BYTES
        if command == _BLOCK_ERASE:
            self._put(self._at(argument, 0, _SECTOR_BYTES), b"\xff" * _SECTOR_BYTES)
            return 0
        return None

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        """Fill the buffer."""
        at = self._at(block, offset, len(buffer))
        self._opened().seek(at)
        self._image.readinto(buffer)

    def writeblocks(self, block: int, data: bytes, offset: int | None = None) -> None:
        """Without an offset the sectors are erased first; with one, bits are only cleared."""
        at = self._at(block, offset or 0, len(data))
        if offset is not None:
            old = bytearray(len(data))
            self.readblocks(block, old, offset)
            both = int.from_bytes(old, "big") & int.from_bytes(data, "big")
            data = both.to_bytes(len(data), "big")
        self._put(at, data)

    def _at(self, block: int, offset: int, size: int) -> int:
        at = block * _SECTOR_BYTES + offset
        if block < 0 or offset < 0 or at + size > self._entry[3]:
            raise OSError(22)  # EINVAL, as on the chip
        return at

    def _put(self, at: int, data: bytes) -> None:
        self._opened().seek(at)
        self._image.write(data)

    def _opened(self) -> object:
        if self._image is None:
            path = "%s/%s.img" % (_FOLDER, self._label)
            try:
                is_there = os.stat(path)[6] == self._entry[3]
            except OSError:
                is_there = False
            if not is_there:
                _make_blank(path, self._entry[3])
            self._image = open(path, "r+b")
        return self._image


class RMT:
    """The remote control peripheral as a sender: pulses of exact length on one pin."""

    def __init__(
        self, channel: int, *, pin: object, clock_div: int = 8, idle_level: bool = False
    ) -> None:
        if not 0 <= channel < 8 or not 1 <= clock_div <= 255:
            raise ValueError("channel or clock_div")
        self._node = plant().pin(pin.number)
        self._clock_div = clock_div
        self._idle_level = 1 if idle_level else 0
        self._end_us = time.ticks_us()

    def write_pulses(self, duration: list[int], data: int = True) -> None:
        """Begin to send pulses of these lengths, the first at level `data`, then in turns."""
        if not 0 < len(duration) <= _RMT_PULSES:
            raise ValueError("number of pulses")
        if not self.wait_done():
            raise OSError(16)  # EBUSY
        lengths_us = []
        for length in duration:
            if not 0 < length <= _RMT_LONGEST:
                raise ValueError("duration")
            lengths_us.append(length * self._clock_div * 1000000 / _RMT_HZ)
        begin_us = time.ticks_us()
        self._end_us = time.ticks_add(begin_us, int(sum(lengths_us)))
        if self._node.on_pulses is not None:
            self._node.on_pulses(begin_us, lengths_us, 1 if data else 0, self._idle_level)

    def wait_done(self, *, timeout: int = 0) -> bool:
        """Whether the last pulses are out."""
        return time.ticks_diff(time.ticks_us(), self._end_us) >= 0


def _make_blank(path: str, size: int) -> None:
    """A new chip's flash, whole or not at all."""
    try:
        os.mkdir(_FOLDER)
    except OSError:
        pass  # it is there
    with open(path + ".new", "wb") as file:
        for _ in range(size // _SECTOR_BYTES):
            file.write(b"\xff" * _SECTOR_BYTES)
    os.rename(path + ".new", path)
