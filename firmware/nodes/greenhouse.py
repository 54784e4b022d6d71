"""Greenhouse: the climate among the plants, and the figure growers steer by (VPD)."""

import math
import time

from firmware.nodes.station import Station
from protocols.fields import GREENHOUSE

# The CO2 sensor has a value each 5 s; one that is older than this is no reading any more.
_CO2_MS = 30000


def saturation_kpa(temperature_c: float) -> float:
    """Pressure of saturated water vapour over water.

    Source: Tetens' equation, as in FAO Irrigation and Drainage Paper 56, equation 11.
    """
    return 0.6108 * math.exp(17.27 * temperature_c / (temperature_c + 237.3))


def vapour_pressure_deficit_kpa(temperature_c: float, humidity_percent: float) -> float:
    """How strongly the air draws water from the leaves."""
    return saturation_kpa(temperature_c) * (1 - min(100.0, humidity_percent) / 100)


class Greenhouse(Station):
    """One climate station."""

    def __init__(self, board: object, config: dict, clock: object, emit: object) -> None:
        super().__init__(GREENHOUSE, config, emit, ())
        self._air = board.part("air")
        self._co2 = board.part("co2")
        self._light = board.part("light")
        self._leaf = board.part("leaf")
        self._vent = board.part("vent")
        self._co2_ms = None

    async def _measure(self) -> None:
        values = self._values
        self._take_air(await self._read(self._air, "air_sensor_failure"))
        ppm = await self._read(self._co2, "co2_sensor_failure")
        now_ms = time.ticks_ms()
        if ppm is not None:
            values["co2_ppm"] = ppm
            self._co2_ms = now_ms
        elif self._co2_ms is None or time.ticks_diff(now_ms, self._co2_ms) > _CO2_MS:
            values["co2_ppm"] = None
        values["illuminance_lx"] = await self._read(self._light, "light_sensor_failure")
        leaf_mc = await self._read(self._leaf, "leaf_sensor_failure")
        values["leaf_temperature_c"] = None if leaf_mc is None else leaf_mc / 1000
        values["vent_percent"] = await self._read(self._vent, None)

    def _take_air(self, air: tuple[int, int] | None) -> None:
        values = self._values
        if air is None:
            values["air_temperature_c"] = None
            values["relative_humidity_percent"] = None
            values["vapour_pressure_deficit_kpa"] = None
            return
        temperature_c = air[0] / 1000
        humidity_percent = air[1] / 1000
        values["air_temperature_c"] = temperature_c
        values["relative_humidity_percent"] = humidity_percent
        values["vapour_pressure_deficit_kpa"] = vapour_pressure_deficit_kpa(
            temperature_c, humidity_percent
        )

    def self_test(self) -> bool:
        """Whether the air sensor, without which a station says nothing, answers."""
        return self._rounds > 0 and not self._faults.stands("air_sensor_failure")
