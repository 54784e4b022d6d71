"""Streetlight: a dimmable lamp that follows its calendar, and the meter that watches it.

The level is evaluated five times a second from nothing but calendar, override and time, so
after any outage it is right at once. The lamp starts before the network and never waits
for it. Loss of the mains goes out at once as the last gasp; its return starts a self-test
some minutes later. Then too a whole street comes back at once: reports wait for up to a
minute of chance, events and alarms do not.
"""

import asyncio
import time

from firmware.core.log import log
from firmware.nodes.common import Faults
from firmware.nodes.counters import Counters
from firmware.nodes.level_plan import LevelPlan
from firmware.nodes.streetlight.climate import Climate
from firmware.nodes.streetlight.meter import LampMeter
from firmware.nodes.streetlight.rules import constant_output
from firmware.nodes.streetlight.turn import Turn
from protocols.fields import STREETLIGHT
from protocols.messages import LAST_GASP, MAINS_RESTORED
from protocols.schedule import DEFAULT_CALENDAR

_LAMP_MS = 200
_METER_MS = 1000
_CLIMATE_MS = 5000
# A gear that comes back with the mains listens after half a second or so.
_REPEATS = 15
# A step of the clock (it was set, or the node slept) is no burning time.
_CLOCK_STEP_S = 3600


class Streetlight:
    """One luminaire's controller."""

    kind = STREETLIGHT
    # What safe mode leaves out: the lamp burns by calendar and clock alone.
    OPTIONAL_PARTS = ("meter", "photocell", "tilt", "driver_temperature")
    OPTIONAL_TASKS = ("meter", "climate", "gear")

    def __init__(self, board: object, config: dict, clock: object, emit: object) -> None:
        """`emit(code, detail)` queues an event."""
        self._clock = clock
        self._emit = emit
        self._offset_min = config["utc_offset_min"]
        self._lamp = board.part("lamp")
        self._rated_w = config.get("lamp_w", board.settings("lamp")["rated_w"])
        self._curve = config.get("constant_output", ())
        self._mains = board.part("mains")
        self._plan = LevelPlan(config["latitude_udeg"], config["longitude_udeg"])
        self._faults = Faults(STREETLIGHT, emit)
        self._counters = Counters(("energy_mwh", "burn_s"))
        self._meter = LampMeter(board.part("meter"), self._lamp, self._rated_w, self._faults)
        self._readings = self._meter.values
        self._climate = Climate(board, self._faults, self._readings)
        self._turn = Turn(config, board.chip)
        self._gear = None
        self._burn_from_s = None
        self._level_percent = 0
        self._repeats = _REPEATS
        self._changed_ms = time.ticks_ms()
        self._had_mains = True
        self._gasped = False
        # Whether the mains was away since the last look.
        self._fell = False
        # At first, and when the mains changed: report as soon as the meter has seen it.
        self._report_reading = True
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
        self._turn.drop()
        self.step()

    def step(self) -> None:
        """Set the lamp to the level of this moment."""
        level = self._turn.level_percent
        if level is None:
            level = self._plan.level_percent(self._clock.now_s()) if self._clock.is_set() else 100
        self._level_percent = level
        if not self._turn.is_testing:
            burn_h = self._counters.value("burn_s") // 3600
            level = constant_output(level, self._curve, burn_h)
        if level != self._lamp.level_percent:
            self._lamp.set(level)
            self._changed_ms = time.ticks_ms()
            if level == 0 and not self._turn.is_testing:
                self._counters.save()

    def tasks(self) -> list[tuple]:
        """[(name, start(beat), longest silence in ms)]."""
        self._mains.watch(self._on_mains_edge)
        tasks = [
            ("lamp", self._keep_lamp, 10000),
            ("meter", self._keep_meter, 15000),
            ("climate", self._keep_climate, 30000),
        ]
        if hasattr(self._lamp, "poll"):
            from firmware.nodes.streetlight.gear import Gear

            self._gear = Gear(self._lamp, self._faults, self._readings)
            tasks.append(("gear", self._keep_gear, 30000))
        return tasks

    def connected(self) -> None:
        """A connection stands: have the last gasp ready on it."""
        if self._mains.is_present():
            self.gasp.prepare_gasp(LAST_GASP)

    def is_ready(self) -> bool:
        """Whether the meter was asked, and this node's turn after an outage has come."""
        return self._meter.was_read and self._turn.has_come()

    def readings(self) -> dict:
        """The values of a report by name."""
        self._readings["level_percent"] = self._level_percent
        self._readings["energy_kwh"] = self._counters.value("energy_mwh") / 1000000
        self._readings["burn_hours_h"] = self._counters.value("burn_s") // 3600
        self._readings["faults"] = self._faults.bitmap
        return self._readings

    def save(self) -> None:
        """Keep what a reset would lose."""
        self._counters.save()

    def self_test(self) -> bool:
        """Whether the parts without which a streetlight is none do their work."""
        return not self._faults.stands("meter_failure") and self._meter.has_counted

    def _on_mains_edge(self) -> None:
        # In interrupt context: one write of what is already encoded, nothing else.
        if not self._mains.is_present():
            self._fell = True
            if not self._gasped:
                self._gasped = self.gasp.fire_gasp()

    async def _keep_lamp(self, beat: object) -> None:
        while True:
            beat()
            self._watch_mains()
            self.step()
            if self._repeats:
                self._repeats -= 1
                self._lamp.set(self._lamp.level_percent)
            self._lamp.step()
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
        """What the mains' edges leave to do outside the interrupt, a dip between looks too."""
        present = self._mains.is_present()
        if self._had_mains and (self._fell or not present):
            self._fell = False
            self._mains_went()
        if present and not self._had_mains:
            self._mains_came()

    def _mains_went(self) -> None:
        log("mains", "lost")
        self._had_mains = False
        # The last gasp says it to the server; as a fault event it would say it twice.
        self._faults.mark("supply_loss", True)
        if not self._gasped:
            self._emit(LAST_GASP, {})
        self._turn.mains_went()
        self._counters.save()
        self._tell_mains(False)

    def _mains_came(self) -> None:
        log("mains", "restored")
        self._had_mains = True
        self._fell = False
        self._faults.mark("supply_loss", False)
        self._emit(MAINS_RESTORED, {})
        self._gasped = False
        self.connected()
        self._turn.mains_came()
        self._repeats = _REPEATS
        self._tell_mains(True)

    def _tell_mains(self, present: bool) -> None:
        self._report_reading = True
        if self.on_mains is not None:
            self.on_mains(present)

    async def _keep_meter(self, beat: object) -> None:
        while True:
            beat()
            reading = await self._meter.read(self._mains)
            if reading is not None:
                self._judge(reading)
            await self._go_on_testing(reading)
            if self._report_reading and self.is_ready():
                self._report_reading = False
                if not self._had_mains:
                    self._counters.save()  # what the meter saw last, before the board dies too
                self.report_now()
            self._counters.save_if_due()
            await asyncio.sleep_ms(_METER_MS)

    def _judge(self, reading: object) -> None:
        energy_mwh = self._meter.energy_mwh(reading.pulses, self._clock.now_s())
        self._counters.add("energy_mwh", energy_mwh)
        factor = self._meter.take(reading)
        # Without mains every lamp is dark, and no lamp is broken; a test judges by itself.
        if self._mains.is_present() and not self._turn.is_testing:
            if self._meter.judge(reading, factor, self._changed_ms):
                self._alarm()

    def _alarm(self) -> None:
        """A fault came or went: its report waits for nobody."""
        self._turn.take()
        self.report_now()

    async def _go_on_testing(self, reading: object) -> None:
        can_test = self._had_mains and self._clock.is_set()
        power_mw = None if reading is None else reading.power_mw
        finished = self._turn.go_on(can_test, power_mw)
        self.step()
        if finished is not None:
            result = finished.result(self._rated_w, self._lamp.least_percent)
            await finished.keep(result, self._lamp, self._clock.now_s(), self._emit)

    async def _keep_climate(self, beat: object) -> None:
        while True:
            beat()
            if await self._climate.look():
                self._alarm()
            await asyncio.sleep_ms(_CLIMATE_MS)

    async def _keep_gear(self, beat: object) -> None:
        while True:
            beat()
            # Without mains no gear answers; while it is tested it is not asked.
            if self._had_mains and not self._turn.is_testing and await self._gear.look():
                self._alarm()
            await asyncio.sleep_ms(self._gear.pause_ms)
