"""SIMULATOR: SHT3x air sensor; single shot 2400 takes 15.5 ms, NAK until it is ready."""

import time

from peripherals.base import Part, sensirion_words
from peripherals.glasshouse import glasshouse_of

_MEASURE_MS = 15


class Sht3x(Part):
    """A sensor on the bus."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._asked_ms = None
        self._last = (0, 0)

    def write(self, data: bytes) -> None:
        if data == b"\x24\x00":
            self._asked_ms = time.ticks_ms()

    def read(self, count: int) -> bytes:
        if self._asked_ms is None or time.ticks_diff(time.ticks_ms(), self._asked_ms) < _MEASURE_MS:
            raise OSError(19)  # the part holds its acknowledge back
        self._asked_ms = None
        house = glasshouse_of(self.plant)
        if self.fault() != "stuck":
            self._last = (
                int((self.around(house.air_c(), 0.1) + 45) * 65535 / 175),
                max(0, min(65535, int(self.around(house.humidity_percent(), 0.4) * 655.35))),
            )
        return sensirion_words(list(self._last), self.fault() == "crc")
