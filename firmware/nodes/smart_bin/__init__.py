"""Smart bin: how full it is, whether it burns, lies on its side, or was just emptied.

Fire and a fall report at once; the other sensors go on when one of them dies, which is named.
A bin that sleeps measures once in each wake; what it must remember is in `keep`.
"""

import asyncio

from firmware.core.errors import SensorError
from firmware.core.log import log
from firmware.nodes.smart_bin.fill import BURST, Fill
from firmware.nodes.station import Station
from protocols.fields import SMART_BIN

# Waste smoulders well above any summer's day in the sun; what cools to below the second has
# stopped to.
_FIRE_C = 70
_COOL_C = 60
# A lid that is open leans too; lying down is beyond this.
_FALLEN_DEG = 45
# Beyond this an open lid looks at the sky and not into the bin.
_OPEN_DEG = 25
_LOW_MV = 3450
_CHARGED_MV = 3550
# A bin with a low battery reports this many times less often.
_STRETCH = 4


class SmartBin(Station):
    """One bin's sensor head."""

    def __init__(self, board: object, config: dict, clock: object, emit: object) -> None:
        super().__init__(SMART_BIN, config, emit, ("pickups",))
        self._sensor = board.part("fill")
        settings = board.settings("fill")
        depth_mm = config.get("bin_depth_mm", settings["depth_mm"])
        self._fill = Fill(settings["gap_mm"], depth_mm, self._sensor.blind_mm)
        self._heat = board.part("temperature")
        self._contact = board.part("heat_contact")
        self._tilt = board.part("tilt")
        self._battery = board.part("battery")
        self._wakes = []
        for part, driver, fault in (
            ("heat_contact", self._contact, "fire"),
            ("tilt", self._tilt, "tilt"),
        ):
            pin = board.settings(part).get("wake") if driver is not None else None
            if pin is not None:
                self._wakes.append((pin, fault))
        # Whether a pin ended the sleep: what it stands for has lasted already.
        self._was_woken = False

    def rest(self, sleep_s: int, kept: list | None, was_woken: bool) -> None:
        """This bin sleeps between its measurements; `kept` is what the last wake kept."""
        self._period_ms = sleep_s * 1000
        self._was_woken = was_woken
        self._rounds = 1
        # What a release of another form kept is not for us.
        if isinstance(kept, list) and len(kept) == 6:
            self._faults.bitmap, self._faults.runs = kept[:2]
            fill = self._fill
            fill.settled, fill.is_blocked, fill.percent, fill.distance_mm = kept[2:]
            self._tell_fill()

    def keep(self) -> list:
        """What the next wake must know."""
        fill = self._fill
        kept = [self._faults.bitmap, self._faults.runs, fill.settled, fill.is_blocked]
        return kept + [fill.percent, fill.distance_mm]

    def news(self) -> tuple:
        """What is worth a report at once when it changes."""
        return self._faults.bitmap, self._counters.value("pickups")

    def alarms(self) -> tuple:
        """What the server must know of at once when it changes."""
        return self._faults.stands("fire"), self._faults.stands("tilt")

    def is_unsettled(self) -> bool:
        """Whether a fault is about to come or go and should be looked at again soon."""
        return any(self._faults.runs.values())

    def report_factor(self) -> int:
        """How many times less often than asked for this bin reports."""
        return _STRETCH if self._faults.stands("low_battery") else 1

    def wake_pins(self) -> list[int]:
        """The pins that may end a sleep; one whose fault stands would end each at once."""
        return [pin for pin, fault in self._wakes if not self._faults.stands(fault)]

    async def _measure(self) -> None:
        await self.watch()
        await self.gauge()

    async def watch(self) -> None:
        """Look for a fire or a fall; a bin that sleeps does so more often than the rest."""
        values = self._values
        heat_c = await self._read(self._heat, "temperature_sensor_failure")
        values["temperature_c"] = heat_c
        closed = await self._read(self._contact, None)
        self._see_fire(heat_c, closed)
        tilt_deg = await self._read(self._tilt, "tilt_sensor_failure")
        values["tilt_deg"] = tilt_deg
        if tilt_deg is not None:
            self._faults.see("tilt", tilt_deg > _FALLEN_DEG, self._was_woken)
        self._was_woken = False

    async def gauge(self) -> None:
        """Measure battery and fill."""
        battery_mv = await self._read(self._battery, None)
        self._values["battery_v"] = None if battery_mv is None else battery_mv / 1000
        if battery_mv is not None:
            limit_mv = _CHARGED_MV if self._faults.stands("low_battery") else _LOW_MV
            self._faults.see("low_battery", battery_mv < limit_mv)
        if (self._values["tilt_deg"] or 0) <= _OPEN_DEG:
            await self._measure_fill()

    def _see_fire(self, heat_c: float | None, closed: bool | None) -> None:
        if heat_c is None and closed is None:
            return
        limit_c = _COOL_C if self._faults.stands("fire") else _FIRE_C
        burns = bool(closed) or (heat_c is not None and heat_c > limit_c)
        # The fault's own hysteresis is for noise; a fire is not waited for.
        self._faults.see("fire", burns, burns)

    async def _measure_fill(self) -> None:
        echoes = []
        failure = None
        for _ in range(BURST):
            try:
                echoes.append(await self._sensor.read())
            except SensorError as error:
                failure = error
                if not echoes:
                    break  # a dead sensor need not be asked five times
            await asyncio.sleep_ms(0)
        emptied = self._fill.take(echoes)
        fill = self._fill
        if self._faults.see("fill_sensor_failure", fill.distance_mm is None) and failure:
            log("sensors", str(failure))
        self._faults.see("fill_sensor_blocked", fill.is_blocked)
        if fill.distance_mm is not None or self._faults.stands("fill_sensor_failure"):
            self._tell_fill()
        if emptied:
            self._counters.add("pickups", 1)
            self._counters.save()
            if self.report_now is not None:
                self.report_now()

    def _tell_fill(self) -> None:
        distance_mm = self._fill.distance_mm
        self._values["fill_percent"] = self._fill.percent
        self._values["distance_m"] = None if distance_mm is None else distance_mm / 1000

    def readings(self) -> dict:
        """The values of a report by name."""
        self._values["pickups"] = self._counters.value("pickups")
        return super().readings()
