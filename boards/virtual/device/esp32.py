"""SIMULATOR of MicroPython's esp32 module: raw flash, wake pins and the pulse sender of a node.

The flash map is the board's (board.json); the bytes of a partition lie in flash/<label>.img
in the node's folder, blank at first, and outlive the process as flash outlives the power.
On a virtual chip with a flash image of its own both are the image's (on_chip).
"""

import json
import os
import time

from flash_image import SECTOR_BYTES, NorFlash
from plant import power, waking
from plant.wiring import plant

# The pulse sender counts periods of this clock, divided; a pulse has 15 bits of them.
_RMT_HZ = 80000000
_RMT_LONGEST = 32767
_RMT_PULSES = 128

_ANY = 0xFF
_FOLDER = "flash"
# A chip's image and its partition table; else the node's folder has them.
_image = None
_table = None


def on_chip(image: object, table: dict) -> None:
    """From here on the partitions are those of a flash image."""
    global _image, _table
    _image = image
    _table = table


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
        self._flash = None

    @staticmethod
    def find(
        type: int = TYPE_APP, subtype: int = _ANY, label: str | None = None, block_size: int = 4096
    ) -> list:
        """The partitions that fit, in the order of the map."""
        if block_size != SECTOR_BYTES:
            raise ValueError("block size")
        partitions = _table
        if partitions is None:
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
        return self._opened().ioctl(command, argument)

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        """Fill the buffer."""
        self._opened().readblocks(block, buffer, offset)

    def writeblocks(self, block: int, data: bytes, offset: int | None = None) -> None:
        """Without an offset the sectors are erased first; with one, bits are only cleared."""
        self._opened().writeblocks(block, data, offset)

    def place(self) -> tuple:
        """(File number, offset) of its bytes on the host, for the simulator itself."""
        flash = self._opened()
        return flash.image.fileno(), flash.offset

    def _opened(self) -> object:
        if self._flash is None:
            size = self._entry[3]
            if _image is None:
                self._flash = NorFlash(_open_own(self._label, size), 0, size)
            else:
                self._flash = NorFlash(_image, self._entry[2], size)
        return self._flash


def _open_own(label: str, size: int) -> object:
    """The image of a partition in the node's folder; a new chip's is blank."""
    path = "%s/%s.img" % (_FOLDER, label)
    try:
        is_there = os.stat(path)[6] == size
    except OSError:
        is_there = False
    if not is_there:
        _make_blank(path, size)
    return open(path, "r+b")


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
        for _ in range(size // SECTOR_BYTES):
            file.write(b"\xff" * SECTOR_BYTES)
    os.rename(path + ".new", path)
