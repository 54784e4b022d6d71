"""SIMULATOR: SHT4x air sensor; command FD takes 8.3 ms, NAK until it is ready.

Source: Sensirion SHT4x datasheet, sections 3.1, 4.5 and 4.6.
"""

import time

from peripherals.base import Part, sensirion_words
from peripherals.glasshouse import glasshouse_of

_MEASURE_US = 8300


class Sht4x(Part):
    """A sensor on the bus."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._asked_us = None
        self._last = (0, 0)

    def write(self, data: bytes) -> None:
        if data == b"\xfd":
            self._asked_us = time.ticks_us()

    def read(self, count: int) -> bytes:
        asked_us = self._asked_us
        if asked_us is None or time.ticks_diff(time.ticks_us(), asked_us) < _MEASURE_US:
            raise OSError(19)  # the part holds its acknowledge back
        self._asked_us = None
        house = glasshouse_of(self.plant)
        if self.fault() != "stuck":
            percent = self.around(house.humidity_percent(), 0.4)
            self._last = (
                int((self.around(house.air_c(), 0.1) + 45) * 65535 / 175),
                max(0, min(65535, int((percent + 6) * 65535 / 125))),
            )
        return sensirion_words(list(self._last), self.fault() == "crc")
