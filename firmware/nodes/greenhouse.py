"""Greenhouse: the climate among the plants and in the soil, and what its outputs do about it.

What is on follows from the rules of the desired state and from what is measured here
(output_rules.py), twice a second and with or without a server. A sensor that keeps failing
takes its measure away, and its outputs go to their fail-safe states.
"""

import asyncio
import math
import time

from firmware.core.log import log
from firmware.core.storage import read_checked, write_checked
from firmware.nodes.output_rules import DAILY_LIMIT, FAIL_SAFE, OutputRules
from firmware.nodes.station import Station
from protocols.fields import GREENHOUSE, fields_of
from protocols.messages import OUTPUT_FORCED
from protocols.rules import OUTPUTS

# The CO2 sensor has a value each 5 s; one that is older than this is no reading any more.
_CO2_MS = 30000
_OUTPUTS_MS = 500
# A sensor that has neither a value nor a fault by then is waited for no longer.
_MOST_ROUNDS = 30
_FILE = "state/outputs"
# What an operator should hear of; an interlock or a band is daily life.
_TOLD = (FAIL_SAFE, DAILY_LIMIT)
# A vent this far from where its motor ran to is stuck.
_STUCK_PERCENT = 15
# Measures and the fault after which they count as lost; until then the last value stands.
_LOST_BY = {
    "air_sensor_failure": (
        "air_temperature_c",
        "relative_humidity_percent",
        "vapour_pressure_deficit_kpa",
    ),
    "co2_sensor_failure": ("co2_ppm",),
    "light_sensor_failure": ("illuminance_lx",),
    "leaf_sensor_failure": ("leaf_temperature_c",),
    "soil_sensor_failure": (
        "soil_moisture_percent",
        "soil_temperature_c",
        "soil_conductivity_ms_per_cm",
    ),
}


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
        self._scales = {field[0]: field[2] for field in fields_of(GREENHOUSE)}
        self._motor = board.part("vent_motor")
        self._relays = {}
        for name in OUTPUTS:
            part = board.part(name) if name != "vent" else None
            if part is not None:
                self._relays[name] = part
        names = [name for name in OUTPUTS if name in self._relays]
        self._rules = OutputRules(tuple(["vent"] + names if self._motor else names))
        data, self._was_damaged = read_checked(_FILE)
        self._rules.load(data)
        self._stepped_s = None
        self._told = {}
        # With this round of measuring the vent's end is judged.
        self._judge_round = None

    def damaged_files(self) -> bool:
        """Whether the file of the day's use was found damaged."""
        return self._was_damaged or super().damaged_files()

    def apply(self, desired: dict) -> None:
        """Follow the rules of a desired state from the next step on."""
        self._rules.follow(desired.get("rules"))
        self.error = "rules_output_missing" if self._rules.lacks() else None

    def save(self) -> None:
        """Keep what a reset would lose."""
        super().save()
        self._keep_use(self._rules.dump(True))

    def tasks(self) -> list[tuple]:
        """[(name, start(beat), longest silence in ms)]."""
        tasks = super().tasks()
        tasks.append(("outputs", self._keep_outputs, 10000))
        return tasks

    async def _keep_outputs(self, beat: object) -> None:
        # All is off, as at power-on, until each sensor has spoken or is known to be lost.
        while not self._has_inputs():
            beat()
            await asyncio.sleep_ms(100)
        # A vent stays where the reboot found it, until its rule says otherwise.
        if self._stepped_s is None and (self._values.get("vent_percent") or 0) >= 50:
            self._rules.adopt("vent")
        try:
            while True:
                beat()
                self._step_outputs()
                await asyncio.sleep_ms(_OUTPUTS_MS)
        finally:
            # Nothing that nobody looks after stays on.
            for relay in self._relays.values():
                relay.set(False)

    def _has_inputs(self) -> bool:
        known = self._rules.knows(self._inputs)
        return self._rounds > 0 and (known or self._rounds >= _MOST_ROUNDS)

    def _step_outputs(self) -> None:
        rules = self._rules
        steady_s = self._clock.steady_s()
        passed_s = 0 if self._stepped_s is None else max(0, steady_s - self._stepped_s)
        self._stepped_s = steady_s
        local_s = self._clock.now_s() + self._offset_s
        day = local_s // 86400 if self._clock.is_set() else None
        is_moving = self._motor is not None and self._motor.is_moving
        conditions = ("vent_motor",) if is_moving else ()
        changed = rules.step(passed_s, day, local_s % 86400 // 60, self._inputs, conditions)
        # Who goes off does so before anybody comes on: loads may share one supply.
        for wanted in (False, True):
            for name, relay in self._relays.items():
                if rules.on[name] is wanted:
                    relay.set(wanted)
        if self._motor is not None:
            self._motor.keep(rules.on["vent"], steady_s)
            self._judge_vent(is_moving)
        self._keep_use(rules.dump(changed))
        if self._tell_forced() or changed:
            self.report_now()

    def _keep_use(self, data: bytes | None) -> None:
        try:
            if data is not None:
                write_checked(_FILE, data)
        except OSError as error:
            log("outputs", "not kept: %r" % error)  # switching goes on without flash

    def _tell_forced(self) -> bool:
        """Say which outputs left or came back to their band's hands; whether there was any."""
        told = False
        for name, reason in self._rules.reason.items():
            before = self._told.get(name)
            if reason != before and (reason in _TOLD or before in _TOLD):
                detail = {"output": name, "reason": reason, "on": self._rules.on[name]}
                self._emit(OUTPUT_FORCED, detail)
                told = True
            self._told[name] = reason
        return told

    def _judge_vent(self, was_moving: bool) -> None:
        """Whether the vent reached its end, by a position measured after its motor stopped."""
        if self._motor.is_moving:
            self._judge_round = None
        elif was_moving:
            self._judge_round = self._rounds + 2
        percent = self._values.get("vent_percent")
        if self._rounds == self._judge_round and percent is not None:
            self._judge_round = None
            wanted = 100 if self._rules.on["vent"] else 0
            self._faults.see("vent_failure", abs(percent - wanted) > _STUCK_PERCENT, True)

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
        soil = await self._read(self._soil, "soil_sensor_failure") or (None, None, None)
        for name, value in zip(_LOST_BY["soil_sensor_failure"], soil):
            values[name] = None if value is None else value / self._scales[name]
        values["vent_percent"] = await self._read(self._vent, None)
        self._take_inputs()

    def _take_inputs(self) -> None:
        """What the rules go by: scaled as on the wire, the last value until its fault stands."""
        for fault, names in _LOST_BY.items():
            for name in names:
                value = self._values.get(name)
                if value is not None:
                    self._inputs[name] = int(round(value * self._scales[name]))
                elif self._faults.stands(fault):
                    self._inputs[name] = None

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

    def readings(self) -> dict:
        """The values of a report by name."""
        self._values["outputs"] = self._rules.bitmap()
        self._values["irrigation_today_s"] = self._rules.used_s("irrigation")
        return super().readings()
