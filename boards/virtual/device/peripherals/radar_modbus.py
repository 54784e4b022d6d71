"""SIMULATOR: radar above a river on Modbus RTU; registers as in the driver.

It looks at the same water as the gauge's other sensors. Besides the faults of every slave:
echo_lost (foam, ice or a branch: its health is 0 and the distance all ones).
"""

from peripherals.modbus import ModbusPart
from peripherals.series import make_series

_BLIND_MM = 80
_RANGE_MM = 15000


class Radar(ModbusPart):
    """A radar on its bracket."""

    function = 3
    answer_us = 40000

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self.function = settings["function"]

    def values(self) -> dict[int, int]:
        register = self.settings["register"]
        found = {register: 0xFFFF}
        if self.settings["health"]:
            found[register - 1] = 0
        level_m = self.plant.hand.get("level_m")
        if level_m is None:
            level_m = make_series(self.plant).value("level_m")
        level_mm = 5000 if level_m is None else level_m * 1000
        distance_mm = self.around(self.settings["mount_mm"] - level_mm, 3)
        if self.fault() != "echo_lost" and _BLIND_MM <= distance_mm <= _RANGE_MM:
            found[register] = int(distance_mm * 1000 / self.settings["unit_um"]) & 0xFFFF
            if self.settings["health"]:
                found[register - 1] = 1
        return found
