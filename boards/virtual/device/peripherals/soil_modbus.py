"""SIMULATOR: SEN0601 soil probe on Modbus RTU; registers as in the driver."""

from peripherals.glasshouse import glasshouse_of
from peripherals.modbus import ModbusPart


class SoilProbe(ModbusPart):
    """A probe among the roots."""

    function = 3
    answer_us = 30000

    def values(self) -> dict[int, int]:
        house = glasshouse_of(self.plant)
        return {
            0: _clipped(self.around(house.soil_percent(), 0.2) * 10, 1000),
            1: int(self.around(house.soil_c(), 0.1) * 10) & 0xFFFF,
            2: _clipped(self.around(house.conductivity_us_per_cm(), 8), 20000),
        }


def _clipped(value: float, most: int) -> int:
    return max(0, min(most, int(value)))
