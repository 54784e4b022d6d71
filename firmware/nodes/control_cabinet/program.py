"""Control cabinet: feeders that follow the calendar, watched by contacts and a meter.

Which feeders are on is evaluated five times a second from nothing but calendar, override
and time, so after any outage it is right at once. A feeder is on from a level of its own:
1 % for all the night's lamps, more for those that a saving program switches off at its
small hours. They are closed one after the other, to spare the supply their inrush
together. Contacts and meter are watched apart: each
may die and the rest goes on. In "hand" the selector bypasses the outputs, and what the
contactors do then is nobody's error.
"""

import asyncio
import time

from firmware.core.errors import SensorError
from firmware.core.log import log
from firmware.nodes.common import Faults
from firmware.nodes.control_cabinet import rules
from firmware.nodes.level_plan import LevelPlan
from protocols.fields import CONTROL_CABINET
from protocols.limits import FEEDERS
from protocols.messages import LAST_GASP, MAINS_RESTORED
from protocols.schedule import DEFAULT_CALENDAR

_SWITCH_MS = 200
# Whatever the server wants, the feeders are not switched to and fro: contactors and the
# inrush of a street's lamps stand twenty operations a minute at the most.
_DWELL_MS = 3000
# A contactor moves within 50 ms; what the meter tells is at most a second old.
_SETTLE_MS = 2000
_METERED = (
    "voltage_l1_v",
    "voltage_l2_v",
    "voltage_l3_v",
    "current_l1_a",
    "current_l2_a",
    "current_l3_a",
)


class ControlCabinet:
    """One lighting control cabinet."""

    kind = CONTROL_CABINET
    # What safe mode leaves out: the feeders follow calendar and clock alone.
    OPTIONAL_PARTS = ("meter", "door", "selector")
    OPTIONAL_TASKS = ("meter",)

    def __init__(self, board: object, config: dict, clock: object, emit: object) -> None:
        """`emit(code, detail)` queues an event."""
        self._clock = clock
        self._emit = emit
        self._offset_min = config["utc_offset_min"]
        self._measure_ms = config["measure_ms"]
        found = [board.part("feeder_%d" % number) for number in range(1, FEEDERS + 1)]
        self._feeders = [feeder for feeder in found if feeder is not None]
        self._meter = board.part("meter")
        self._mains = board.part("mains")
        self._door = board.part("door")
        self._selector = board.part("selector")
        self._plan = LevelPlan(config["latitude_udeg"], config["longitude_udeg"])
        self._faults = Faults(CONTROL_CABINET, emit)
        # The level that the feeders are at, None until it was asked for, and since when.
        self._level_percent = None
        self._turned_ms = 0
        self._moved_ms = time.ticks_ms()
        # Power by phase, measured since the contactors last moved; a first one is news.
        self._phase_mw = None
        self._had_mains = True
        self._gasped = False
        self._contacts = None
        self._is_metered = self._meter is None
        self._readings = {}
        self.gasp = None
        self.report_now = None
        # on_mains(present) is told each loss and return of the mains.
        self.on_mains = None

    def damaged_files(self) -> bool:
        """The energy is kept by the meter: there are no counters to lose."""
        return False

    def boot_facts(self) -> dict:
        """What the boot event says: a board may boot on what its supercapacitor still holds."""
        return {"mains": self._mains.is_present()}

    def apply(self, desired: dict) -> None:
        """Follow a desired state from now on, and begin before this returns."""
        calendar = desired.get("calendar")
        if calendar is None:
            calendar = dict(DEFAULT_CALENDAR)
            calendar["utc_offset_min"] = self._offset_min
        self._plan.follow(calendar, desired.get("override"))
        self.step()

    def step(self) -> None:
        """Move one feeder towards what this moment asks for."""
        clock = self._clock
        level = self._plan.level_percent(clock.now_s()) if clock.is_set() else 100
        now_ms = time.ticks_ms()
        held_ms = time.ticks_diff(now_ms, self._turned_ms)
        if self._level_percent is None or level != self._level_percent and held_ms >= _DWELL_MS:
            self._level_percent = level
            self._turned_ms = now_ms
        for feeder in self._feeders:
            on = self._level_percent >= feeder.on_from_percent
            if feeder.is_on != on:
                feeder.set(on)
                self._moved_ms = now_ms
                self._phase_mw = None
                return

    def tasks(self) -> list[tuple]:
        """[(name, start(beat), longest silence in ms)]."""
        self._mains.watch(self._on_mains_edge)
        return [
            ("switch", self._keep_switching, 10000),
            ("meter", self._keep_meter, self._measure_ms + 30000),
        ]

    def connected(self) -> None:
        """A connection stands: have the last gasp ready on it."""
        if self._mains.is_present():
            self.gasp.prepare_gasp(LAST_GASP)

    def is_ready(self) -> bool:
        """Whether the meter was asked at least once."""
        return self._is_metered

    def readings(self) -> dict:
        """The values of a report by name."""
        feeders = self._feeders
        values = self._readings
        values["feeders_on"] = rules.bitmap([feeder.is_on for feeder in feeders])
        values["contactors_closed"] = rules.bitmap([feeder.is_closed() for feeder in feeders])
        values["breakers_tripped"] = rules.bitmap([feeder.is_tripped() for feeder in feeders])
        values["door_open"] = None if self._door is None else int(self._door.is_active())
        values["faults"] = self._faults.bitmap
        return values

    def save(self) -> None:
        """Nothing here would be lost by a reset."""

    def self_test(self) -> bool:
        """Whether the parts without which a cabinet is none do their work."""
        return self._is_metered and not self._faults.stands("meter_failure")

    def _on_mains_edge(self) -> None:
        # In interrupt context: one write of what is already encoded, nothing else.
        if not self._mains.is_present() and not self._gasped:
            self._gasped = self.gasp.fire_gasp()

    async def _keep_switching(self, beat: object) -> None:
        while True:
            beat()
            self._watch_mains()
            self.step()
            self._watch_contacts()
            await asyncio.sleep_ms(_SWITCH_MS)

    def _watch_mains(self) -> None:
        """What an edge of the mains leaves to do outside the interrupt."""
        present = self._mains.is_present()
        if present == self._had_mains:
            return
        self._had_mains = present
        # The last gasp says it to the server; as a fault event it would say it twice.
        self._faults.mark("supply_loss", not present)
        log("mains", "restored" if present else "lost")
        if present:
            # The contactors pull in again: give them the time that they need.
            self._moved_ms = time.ticks_ms()
            self._phase_mw = None
            self._emit(MAINS_RESTORED, {})
            self._gasped = False
            self.connected()
        elif not self._gasped:
            self._emit(LAST_GASP, {})
        if self.on_mains is not None:
            self.on_mains(present)
        self.report_now()

    def _watch_contacts(self) -> None:
        by_hand = self._selector is not None and self._selector.is_active()
        tripped = rules.bitmap([feeder.is_tripped() for feeder in self._feeders])
        found = {
            "door_open": self._door is not None and self._door.is_active(),
            "breaker_tripped": tripped > 0,
            "local_override": by_hand,
        }
        if by_hand:
            # Back in "automatic" the contactors first have to obey again.
            self._moved_ms = time.ticks_ms()
            self._phase_mw = None
            found.update(rules.switching_faults([], None))
        elif self._had_mains and self._has_settled():
            found.update(rules.switching_faults(self._feeders, self._phase_mw))
        # A second breaker behind the first, or a contactor that moved, is news too.
        contacts = (tripped, rules.bitmap([feeder.is_closed() for feeder in self._feeders]))
        changed = self._contacts is not None and contacts != self._contacts
        self._contacts = contacts
        if self._see(found) or changed:
            self.report_now()

    async def _keep_meter(self, beat: object) -> None:
        while True:
            beat()
            try:
                moved_ms = self._moved_ms if self._has_settled() else None
                reading = await self._meter.read()
                self._faults.see("meter_failure", False)
                self._take(reading)
                # A contactor that moved meanwhile makes this the power of before.
                if moved_ms == self._moved_ms:
                    if self._phase_mw is None:
                        self.report_now()
                    self._phase_mw = reading.phase_mw
            except SensorError as error:
                self._phase_mw = None
                # It lives on the phases that it measures: without them it has no fault.
                if self._mains.is_present() and self._faults.see("meter_failure", True):
                    log("meter", str(error))
                    self.report_now()
                for name in _METERED + ("power_w", "energy_kwh"):
                    self._readings[name] = None
            self._is_metered = True
            await asyncio.sleep_ms(self._measure_ms)

    def _take(self, reading: object) -> None:
        values = self._readings
        for name, value in zip(_METERED, reading.voltage_mv + reading.current_ma):
            values[name] = value / 1000
        values["power_w"] = reading.power_mw / 1000
        values["energy_kwh"] = reading.energy_wh / 1000
        # Without the mains every phase is lost, and none of them on its own.
        if self._mains.is_present():
            if self._see(rules.supply_faults(reading.voltage_mv, self._faults.stands)):
                self.report_now()

    def _has_settled(self) -> bool:
        return time.ticks_diff(time.ticks_ms(), self._moved_ms) >= _SETTLE_MS

    def _see(self, found: dict[str, bool]) -> bool:
        """Take one observation of some faults; whether any came or went by it."""
        changed = False
        for name, present in found.items():
            changed = self._faults.see(name, present) or changed
        return changed
