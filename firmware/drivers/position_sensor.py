# A position from a potentiometer on an analog input.

import machine

from firmware.core.errors import SensorError
from firmware.drivers.analog import TOP_UV, mean_uv


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._adc = machine.ADC(machine.Pin(settings["adc"]))
        self._full_mv = settings["full_mv"]

    # Percent of the way, 0..100. Raises SensorError.
    async def read(self) -> int:
        value_uv = mean_uv(self._adc)
        if value_uv >= TOP_UV:
            raise SensorError("position wire")
        return max(0, min(100, (value_uv + self._full_mv * 5) // (self._full_mv * 10)))
