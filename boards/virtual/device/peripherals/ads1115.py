"""SIMULATOR: ADS1115 converter reading a 4-20 mA level transmitter over a shunt.

The transmitter follows the measured river stage: 4 mA at the bottom of its span, 20 mA at
the top. Faults: silent (no converter), open (broken loop, 0 mA), short (22 mA), stuck.
"""

import time

from peripherals.base import Part
from peripherals.series import make_series

# Full scale in microvolts by the PGA bits of the configuration register.
_FULL_UV = (6144000, 4096000, 2048000, 1024000, 512000, 256000, 256000, 256000)
_RATE_HZ = (8, 16, 32, 64, 128, 250, 475, 860)


class Ads1115(Part):
    """A converter on the bus."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._register = 0
        self._config = 0x8583
        self._ready_ms = time.ticks_ms()
        self._last_ua = 4000
        self._converted = 0

    def write(self, data: bytes) -> None:
        self._register = data[0]
        if self._register == 1 and len(data) == 3:
            self._config = data[1] << 8 | data[2]
            if self._config & 0x8000:
                rate = _RATE_HZ[self._config >> 5 & 7]
                self._ready_ms = time.ticks_add(time.ticks_ms(), 1000 // rate + 1)
                self._converted = self._convert()

    def read(self, count: int) -> bytes:
        busy = time.ticks_diff(self._ready_ms, time.ticks_ms()) > 0
        if self._register == 1:
            value = self._config & 0x7FFF | (0 if busy else 0x8000)
        else:
            value = 0 if busy else self._converted
        return bytes((value >> 8 & 0xFF, value & 0xFF))

    def _convert(self) -> int:
        fault = self.fault()
        if fault == "open":
            current_ua = 0
        elif fault == "short":
            current_ua = 22000
        elif fault == "stuck":
            current_ua = self._last_ua
        else:
            current_ua = self._loop_ua()
        self._last_ua = current_ua
        # Single-ended input of the configured channel; others hang in the air.
        if self._config >> 12 & 7 != 4 + self.settings["channel"]:
            current_ua = 0
        full_uv = _FULL_UV[self._config >> 9 & 7]
        value = current_ua * self.settings["shunt_ohm"] * 32768 // full_uv
        return max(-32768, min(32767, value)) & 0xFFFF

    def _loop_ua(self) -> int:
        level_m = self.plant.hand.get("level_m")
        if level_m is None:
            level_m = make_series(self.plant).value("level_m")
        low_m = self.settings["low_mm"] / 1000
        high_m = self.settings["high_mm"] / 1000
        if level_m is None:
            level_m = (low_m + high_m) / 2
        current_ua = 4000 + 16000 * (level_m - low_m) / (high_m - low_m)
        return int(max(3800, min(20500, self.around(current_ua, 3))))
