"""SIMULATOR: VL53L1X time-of-flight sensor above the waste in a bin: registers of 16 bits.

It boots, identifies itself, measures nothing before its settings were written, takes a
timing budget for a measurement and says how good it was. Faults: silent; stuck (the last
distance for ever); crc, which it has none of, is a beam that finds too much noise; open, one
that finds no target; blocked, dirt on its window.
"""

import time

from peripherals.base import Part
from peripherals.bin_fill import BinFill

_BOOT_US = 1200
_BUDGET_US = 100000
_BLIND_MM = 40
_FAR_MM = 4000
# The first and the last register of the settings without which it gives nothing.
_SETTINGS = 0x2D
_LAST_SETTING = 0x85
_START = 0x87
_VALID = 9
_NO_TARGET = 4
_NOISE = 6


class Vl53l1x(Part):
    """A sensor on the bus."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._bin = BinFill(self)
        self._memory = {0x10F: 0xEA, 0x110: 0xCC, 0x30: 0x01}
        self._register = 0
        self._powered_us = time.ticks_us()
        # When the measurement on its way is done; None while none is.
        self._done_us = None
        self._last_mm = 0
        self._status = 0

    def write(self, data: bytes) -> None:
        self._register = data[0] << 8 | data[1]
        for offset in range(2, len(data)):
            self._put(self._register + offset - 2, data[offset])

    def read(self, count: int) -> bytes:
        self._settle()
        return bytes([self._get(self._register + offset) for offset in range(count)])

    def _put(self, register: int, value: int) -> None:
        self._memory[register] = value
        if register == 0x86 and value & 1:
            self._memory[0x31] = 0
        if register == _START:
            # 0x10 is one measurement, 0x40 one after another; without settings there is no laser.
            configured = _SETTINGS in self._memory and self._memory.get(_LAST_SETTING) == 1
            self._done_us = None
            if value & 0x50 and configured:
                self._done_us = time.ticks_add(time.ticks_us(), _BUDGET_US)

    def _get(self, register: int) -> int:
        if register == 0xE5:
            return 1 if time.ticks_diff(time.ticks_us(), self._powered_us) > _BOOT_US else 0
        if register == 0x89:
            return self._status
        if register in (0x96, 0x97):
            return self._last_mm >> 8 if register == 0x96 else self._last_mm & 0xFF
        return self._memory.get(register, 0)

    def _settle(self) -> None:
        """Bring a measurement that is over by now into the registers."""
        if self._done_us is None or time.ticks_diff(time.ticks_us(), self._done_us) < 0:
            return
        self._done_us = None
        if self._memory.get(_START, 0) & 0x40:
            self._done_us = time.ticks_add(time.ticks_us(), _BUDGET_US)
        fault = self.fault()
        if fault != "stuck":
            self._last_mm = max(0, self._bin.distance_mm(4))
        if fault == "blocked":
            self._last_mm = _BLIND_MM // 2
        self._status = _VALID
        if fault == "crc":
            self._status = _NOISE
        elif fault == "open" or self._last_mm > _FAR_MM:
            self._status = _NO_TARGET
        self._memory[0x31] = 1
