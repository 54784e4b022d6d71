"""Greenhouse: the climate among the plants and in the soil, and what its outputs do about it.

What is on follows from the rules of the desired state and from what is measured here
(outputs.py, output_rules.py), twice a second and with or without a server. A sensor that keeps
failing takes its measure away, and its outputs go to their fail-safe states.
"""

import asyncio
import math
import time

from firmware.nodes.station import Station
from protocols.fields import GREENHOUSE, OUTPUTS, fields_of, scaled

# The CO2 sensor has a value each 5 s; one that is older than this is no reading any more.
_CO2_MS = 30000
_OUTPUTS_MS = 500
# A sensor that has neither a value nor a fault by then is waited for no longer.
_MOST_ROUNDS = 30
# Measures and the fault after which they count as lost; until then the last value stands.
_SOIL = ("soil_moisture_percent", "soil_temperature_c", "soil_conductivity_ms_per_cm")
_AIR = ("air_temperature_c", "relative_humidity_percent", "vapour_pressure_deficit_kpa")
_LOST_BY = (
    ("air_sensor_failure", _AIR),
    ("co2_sensor_failure", ("co2_ppm",)),
    ("light_sensor_failure", ("illuminance_lx",)),
    ("leaf_sensor_failure", ("leaf_temperature_c",)),
    ("soil_sensor_failure", _SOIL),
)


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
        self._emit = emit
        self._clock = clock
        self._offset_s = config["utc_offset_min"] * 60
        self._air = board.part("air")
        self._co2 = board.part("co2")
        self._light = board.part("light")
        self._leaf = board.part("leaf")
        self._soil = board.part("soil")
        self._vent = board.part("vent")
        self._co2_ms = None
        self._inputs = {}
        self._motor = board.part("vent_motor")
        self._door = board.part("door")
        self._relays = {}
        for name in OUTPUTS[1:]:
            part = board.part(name)
            if part is not None:
                self._relays[name] = part
        self._outputs = None

    def damaged_files(self) -> bool:
        """Whether a file of this kind was found damaged."""
        outputs = self._outputs
        return super().damaged_files() or (outputs is not None and outputs.was_damaged)

    def apply(self, desired: dict) -> None:
        """Follow the rules of a desired state from the next step on."""
        rules = desired.get("rules")
        if self._outputs is None and rules:
            from firmware.nodes.greenhouse.outputs import Outputs

            self._outputs = Outputs(
                self._relays, self._motor, self._door, self._clock, self._offset_s
            )
        if self._outputs is not None:
            self._outputs.rules.follow(rules)
            self.error = "rules_output_missing" if self._outputs.rules.lacks() else None

    def save(self) -> None:
        """Keep what a reset would lose."""
        super().save()
        if self._outputs is not None:
            self._outputs.save()

    def tasks(self) -> list[tuple]:
        """[(name, start(beat), longest silence in ms)]."""
        tasks = super().tasks()
        tasks.append(("outputs", self._keep_outputs, 10000))
        return tasks

    async def _keep_outputs(self, beat: object) -> None:
        # All is off, as at power-on, until each sensor has spoken or is known to be lost.
        while not self._has_inputs():
            beat()
            await asyncio.sleep_ms(_OUTPUTS_MS)
        outputs = self._outputs
        try:
            while True:
                beat()
                vent_percent = self._values.get("vent_percent")
                if outputs.step(self._inputs, vent_percent, self._emit):
                    self.report_now()
                is_stuck = outputs.is_stuck(self._rounds, vent_percent)
                if is_stuck is not None:
                    self._faults.see("vent_failure", is_stuck, True)
                await asyncio.sleep_ms(_OUTPUTS_MS)
        finally:
            outputs.rest()

    def _has_inputs(self) -> bool:
        if self._outputs is None or self._rounds == 0:
            return False
        return self._rounds >= _MOST_ROUNDS or self._outputs.rules.knows(self._inputs)

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
        soil = await self._read(self._soil, "soil_sensor_failure")
        for name, index in zip(_SOIL, range(3)):
            values[name] = None if soil is None else soil[index] / (10, 10, 1000)[index]
        values["vent_percent"] = await self._read(self._vent, None)
        self._take_inputs()

    def _take_inputs(self) -> None:
        """What the rules go by: scaled as on the wire, the last value until its fault stands."""
        row = scaled(GREENHOUSE, self._values)
        for field, value in zip(fields_of(GREENHOUSE), row):
            if value is not None:
                self._inputs[field[0]] = value
        for fault, names in _LOST_BY:
            if self._faults.stands(fault):
                for name in names:
                    self._inputs[name] = None

    def _take_air(self, air: tuple[int, int] | None) -> None:
        values = self._values
        if air is None:
            for name in _AIR:
                values[name] = None
            return
        temperature_c = air[0] / 1000
        humidity_percent = air[1] / 1000
        values[_AIR[0]] = temperature_c
        values[_AIR[1]] = humidity_percent
        values[_AIR[2]] = vapour_pressure_deficit_kpa(temperature_c, humidity_percent)

    def self_test(self) -> bool:
        """Whether the air sensor, without which a station says nothing, answers."""
        return self._rounds > 0 and not self._faults.stands("air_sensor_failure")

    def readings(self) -> dict:
        """The values of a report by name."""
        outputs = self._outputs
        self._values["outputs"] = 0 if outputs is None else outputs.rules.bitmap()
        self._values["irrigation_today_s"] = (
            None if outputs is None else outputs.rules.used_s("irrigation")
        )
        return super().readings()
