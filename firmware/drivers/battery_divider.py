# A battery behind a divider on an analog input.

import machine

from firmware.core.errors import SensorError
from firmware.drivers.analog import TOP_UV, mean_uv


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._adc = machine.ADC(machine.Pin(settings["adc"]))
        self._whole_ohm = settings["upper_ohm"] + settings["lower_ohm"]
        self._lower_ohm = settings["lower_ohm"]

    # Millivolts at the top of the divider. Raises SensorError.
    async def read(self) -> int:
        value_uv = mean_uv(self._adc)
        if value_uv >= TOP_UV:
            raise SensorError("divider")
        return value_uv * self._whole_ohm // (self._lower_ohm * 1000)
