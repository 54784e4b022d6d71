"""SIMULATOR: BH1750 light sensor under the open sky, or in a greenhouse's measured light.

One-shot commands 20/21 take 120 to 180 ms; an earlier read gives the old value.
"""

import time

from peripherals.base import Part
from peripherals.series import make_series

_MEASURE_MS = 150
# PAR in micromol to lux for daylight.
_LUX_PER_PAR = 54


class Bh1750(Part):
    """A sensor on the bus."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._asked_ms = None
        self._raw = 0

    def write(self, data: bytes) -> None:
        if data in (b"\x20", b"\x21"):
            self._asked_ms = time.ticks_ms()

    def read(self, count: int) -> bytes:
        if self._asked_ms is not None and self.fault() != "stuck":
            if time.ticks_diff(time.ticks_ms(), self._asked_ms) >= _MEASURE_MS:
                self._asked_ms = None
                lux = self.around(1, 0.02) * self._lux()
                self._raw = max(0, min(65535, int(lux * 1.2)))
        return bytes((self._raw >> 8, self._raw & 0xFF))

    def _lux(self) -> float:
        par = make_series(self.plant).value("par_umol")
        return self.plant.city.illuminance_lx() if par is None else par * _LUX_PER_PAR
