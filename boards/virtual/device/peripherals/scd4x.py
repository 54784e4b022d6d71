"""SIMULATOR: SCD4x CO2 sensor; a value each 5 s once started, none before."""

import time

from peripherals.base import Part, sensirion_words
from peripherals.series import make_series

_PERIOD_MS = 5000


class Scd4x(Part):
    """A sensor on the bus."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._command = 0
        self._next_ms = None
        self._last_ppm = 420

    def write(self, data: bytes) -> None:
        self._command = data[0] << 8 | data[1]
        if self._command == 0x21B1:
            self._next_ms = time.ticks_add(time.ticks_ms(), _PERIOD_MS)
        elif self._command == 0x3F86:
            self._next_ms = None

    def read(self, count: int) -> bytes:
        ready = self._next_ms is not None and time.ticks_diff(time.ticks_ms(), self._next_ms) >= 0
        wrong = self.fault() == "crc"
        if self._command == 0xE4B8:
            return sensirion_words([0x8006 if ready else 0x8000], wrong)
        if self._command != 0xEC05 or not ready:
            raise OSError(19)  # nothing to read
        self._next_ms = time.ticks_add(time.ticks_ms(), _PERIOD_MS)
        series = make_series(self.plant)
        ppm = series.value("co2_ppm")
        if ppm is not None and self.fault() != "stuck":
            self._last_ppm = int(self.around(ppm, 12))
        celsius = series.value("air_temperature_c") or 23.0
        percent = series.value("relative_humidity_percent") or 60.0
        words = [
            max(0, min(65535, self._last_ppm)),
            int((celsius + 45) * 65535 / 175),
            int(percent * 655.35),
        ]
        return sensirion_words(words, wrong)
