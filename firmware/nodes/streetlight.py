"""Streetlight: a dimmable lamp that follows its calendar, and the meter that watches it.

The level is evaluated five times a second from nothing but calendar, override and time, so
after any outage it is right at once. The lamp starts before the network and never waits
for it. Loss of the mains goes out at once as the last gasp.
"""

import asyncio
import time

from firmware.core.errors import SensorError
from firmware.core.log import log
from firmware.drivers.bl0942 import pulses_since
from firmware.nodes import lamp_rules
from firmware.nodes.common import Faults
from firmware.nodes.counters import Counters
from protocols.fields import STREETLIGHT
from protocols.messages import LAST_GASP, MAINS_RESTORED
from protocols.schedule import DEFAULT_CALENDAR

_LAMP_MS = 200
_METER_MS = 1000
_CLIMATE_MS = 5000
# The meter averages 800 ms: faults are judged once it has seen the new level whole.
_SETTLE_MS = 2500
# A step of the clock (it was set, or the node slept) is no burning time.
_CLOCK_STEP_S = 3600
# No lamp draws more than a kilowatt: what the counter may gain in a second of city time.
_MOST_MWH_PER_S = 300


class Streetlight:
    """One luminaire's controller."""

    kind = STREETLIGHT
    # What safe mode leaves out: the lamp burns by calendar and clock alone.
    OPTIONAL_PARTS = ("meter", "photocell", "tilt", "driver_temperature")
    OPTIONAL_TASKS = ("meter", "climate")

    def __init__(self, board: object, config: dict, clock: object, emit: object) -> None:
        """`emit(code, detail)` queues an event."""
        self._clock = clock
        self._emit = emit
        self._offset_min = config["utc_offset_min"]
        self._lamp = board.part("lamp")
        self._rated_w = config.get("lamp_w", board.settings("lamp")["rated_w"])
        self._meter = board.part("meter")
        self._mains = board.part("mains")
        self._light = board.part("photocell")
        self._tilt = board.part("tilt")
        self._heat = board.part("driver_temperature")
        self._plan = lamp_rules.LevelPlan(config["latitude_udeg"], config["longitude_udeg"])
        self._faults = Faults(STREETLIGHT, emit)
        self._counters = Counters(("energy_mwh", "burn_s"))
        self._burn_from_s = None
        self._changed_ms = time.ticks_ms()
        self._last_pulses = None
        self._last_read_s = 0
        self._had_mains = True
        self._gasped = False
        # At first, and when the mains changed: report as soon as the meter has seen it.
        self._report_reading = True
        self._is_metered = False
        self._readings = {}
        # fire() -> bool sends the prepared gasp; prepare(code) makes the next one.
        self.gasp = None
        self.report_now = None
        # on_mains(present) is told each loss and return of the mains.
        self.on_mains = None

    def damaged_files(self) -> bool:
        """Whether the counters' file was found damaged."""
        return self._counters.was_damaged

    def boot_facts(self) -> dict:
        """What the boot event says: a board may boot on what its supercapacitor still holds."""
        return {"mains": self._mains.is_present()}

    def apply(self, desired: dict) -> None:
        """Follow a desired state from now on, and be right before this returns."""
        calendar = desired.get("calendar")
        if calendar is None:
            calendar = dict(DEFAULT_CALENDAR)
            calendar["utc_offset_min"] = self._offset_min
        self._plan.follow(calendar, desired.get("override"))
        self.step()

    def step(self) -> None:
        """Set the lamp to the level of this moment."""
        level = self._plan.level_percent(self._clock.now_s()) if self._clock.is_set() else 100
        if level != self._lamp.level_percent:
            went_out = level == 0
            self._lamp.set(level)
            self._changed_ms = time.ticks_ms()
            if went_out:
                self._counters.save()

    def tasks(self) -> list[tuple]:
        """[(name, start(beat), longest silence in ms)]."""
        self._mains.watch(self._on_mains_edge)
        return [
            ("lamp", self._keep_lamp, 10000),
            ("meter", self._keep_meter, 15000),
            ("climate", self._keep_climate, 30000),
        ]

    def connected(self) -> None:
        """A connection stands: have the last gasp ready on it."""
        if self._mains.is_present():
            self.gasp.prepare_gasp(LAST_GASP)

    def is_ready(self) -> bool:
        """Whether the meter was asked at least once, if there is one."""
        return self._is_metered or self._meter is None

    def readings(self) -> dict:
        """The values of a report by name."""
        self._readings["level_percent"] = self._lamp.level_percent
        self._readings["energy_kwh"] = self._counters.value("energy_mwh") / 1000000
        self._readings["burn_hours_h"] = self._counters.value("burn_s") // 3600
        self._readings["faults"] = self._faults.bitmap
        return self._readings

    def save(self) -> None:
        """Keep what a reset would lose."""
        self._counters.save()

    def self_test(self) -> bool:
        """Whether the parts without which a streetlight is none do their work."""
        return not self._faults.stands("meter_failure") and self._last_pulses is not None

    def _on_mains_edge(self) -> None:
        # In interrupt context: one write of what is already encoded, nothing else.
        if not self._mains.is_present() and not self._gasped:
            self._gasped = self.gasp.fire_gasp()

    async def _keep_lamp(self, beat: object) -> None:
        while True:
            beat()
            self._watch_mains()
            self.step()
            self._count_burning()
            await asyncio.sleep_ms(_LAMP_MS)

    def _count_burning(self) -> None:
        now_s = self._clock.now_s()
        if self._burn_from_s is not None and self._lamp.level_percent and self._had_mains:
            passed_s = now_s - self._burn_from_s
            if 0 < passed_s <= _CLOCK_STEP_S:
                self._counters.add("burn_s", passed_s)
        self._burn_from_s = now_s

    def _watch_mains(self) -> None:
        """What an edge of the mains leaves to do outside the interrupt."""
        present = self._mains.is_present()
        if present == self._had_mains:
            return
        self._had_mains = present
        # The last gasp says it to the server; as a fault event it would say it twice.
        self._faults.mark("supply_loss", not present)
        if present:
            log("mains", "restored")
            self._emit(MAINS_RESTORED, {})
            self._gasped = False
            self.connected()
        else:
            log("mains", "lost")
            if not self._gasped:
                self._emit(LAST_GASP, {})
            self._counters.save()
        self._report_reading = True
        if self.on_mains is not None:
            self.on_mains(present)

    async def _keep_meter(self, beat: object) -> None:
        while True:
            beat()
            try:
                reading = await self._meter.read()
                self._faults.see("meter_failure", False)
                self._judge(reading)
            except SensorError as error:
                if self._faults.see("meter_failure", True):
                    log("meter", str(error))
                for name in (
                    "mains_voltage_v",
                    "lamp_current_a",
                    "lamp_power_w",
                    "power_factor",
                    "mains_frequency_hz",
                ):
                    self._readings[name] = None
            self._is_metered = True
            if self._report_reading:
                self._report_reading = False
                self.report_now()
            self._counters.save_if_due()
            await asyncio.sleep_ms(_METER_MS)

    def _judge(self, reading: object) -> None:
        self._count_energy(reading.pulses)
        factor = lamp_rules.factor_percent(reading.voltage_mv, reading.current_ma, reading.power_mw)
        values = self._readings
        values["mains_voltage_v"] = reading.voltage_mv / 1000
        values["lamp_current_a"] = reading.current_ma / 1000
        values["lamp_power_w"] = max(0, reading.power_mw) / 1000
        values["power_factor"] = None if factor is None else factor / 100
        values["mains_frequency_hz"] = reading.frequency_mhz / 1000
        if not self._mains.is_present():
            return  # without mains every lamp is dark, and no lamp is broken
        changed = False
        for name, present in lamp_rules.supply_faults(reading.voltage_mv).items():
            changed = self._faults.see(name, present) or changed
        if time.ticks_diff(time.ticks_ms(), self._changed_ms) >= _SETTLE_MS:
            level = self._lamp.level_percent
            found = lamp_rules.power_faults(level, self._rated_w, reading.power_mw)
            found["power_factor_too_low"] = lamp_rules.is_poor_factor(level, factor)
            for name, present in found.items():
                changed = self._faults.see(name, present) or changed
        if changed:
            self.report_now()

    def _count_energy(self, pulses: int) -> None:
        now_s = self._clock.now_s()
        if self._last_pulses is not None:
            seconds = max(1, min(86400, now_s - self._last_read_s))
            per_pulse_mwh = max(1, self._meter.energy_mwh(1))
            most = seconds * _MOST_MWH_PER_S // per_pulse_mwh + 2
            passed = pulses_since(self._last_pulses, pulses, most)
            self._counters.add("energy_mwh", self._meter.energy_mwh(passed))
        self._last_pulses = pulses
        self._last_read_s = now_s

    async def _keep_climate(self, beat: object) -> None:
        while True:
            beat()
            await self._read_into("illuminance_lx", self._light)
            tilt_deg = await self._read_into("tilt_deg", self._tilt)
            heat_c = await self._read_into("driver_temperature_c", self._heat)
            changed = False
            if tilt_deg is not None:
                changed = self._faults.see("tilt", lamp_rules.is_leaning(tilt_deg))
            if heat_c is not None:
                changed = self._faults.see("high_temperature", lamp_rules.is_hot(heat_c)) or changed
            if changed:
                self.report_now()
            await asyncio.sleep_ms(_CLIMATE_MS)

    async def _read_into(self, name: str, sensor: object) -> float | None:
        try:
            self._readings[name] = None if sensor is None else await sensor.read()
        except SensorError as error:
            self._readings[name] = None
            log("climate", str(error))
        return self._readings[name]
