# NTC thermistor below a pull-up on an ADC input.
# Source: the beta equation, 1/T = 1/T25 + ln(R/R25)/beta.

import math

import machine

from firmware.core.errors import SensorError

_SUPPLY_UV = 3300000


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._adc = machine.ADC(machine.Pin(settings["adc"]))
        self._pull_ohm = settings["pull_ohm"]
        self._r25_ohm = settings["r25_ohm"]
        self._beta_k = settings["beta_k"]

    # Degrees Celsius. Raises SensorError on a broken or shorted wire.
    async def read(self) -> float:
        value_uv = self._adc.read_uv()
        if not 20000 < value_uv < _SUPPLY_UV - 20000:
            raise SensorError("ntc wire")
        ohm = self._pull_ohm * value_uv / (_SUPPLY_UV - value_uv)
        return 1 / (1 / 298.15 + math.log(ohm / self._r25_ohm) / self._beta_k) - 273.15
