"""The lamp's meter: its values, the energy counter, and the faults that it can tell.

Owns what was read; the node asks for a reading and says what the lamp was told.
"""

import time

from firmware.core.errors import SensorError
from firmware.core.log import log
from firmware.drivers.meter_reading import pulses_since
from firmware.nodes.streetlight import faults as rules

_NAMES = (
    "mains_voltage_v",
    "lamp_current_a",
    "lamp_power_w",
    "power_factor",
    "mains_frequency_hz",
)
# The meter averages: faults are judged once it has seen the new level whole.
_SETTLE_MS = 2500
# No lamp draws more than a kilowatt: what the counter may gain in a second of city time.
_MOST_MWH_PER_S = 300
# Keeps the sum within a small integer.
_PULSES = 1 << 20


class LampMeter:
    """Readings and judgement of one lamp's supply."""

    def __init__(self, meter: object, lamp: object, rated_w: int, faults: object) -> None:
        """`meter` (or None) and `lamp` are drivers, `faults` the node's nodes.common.Faults."""
        self._meter = meter
        self._lamp = lamp
        self._rated_w = rated_w
        self._faults = faults
        self._cycling = rules.Cycling()
        self._last_pulses = None
        self._last_read_s = 0
        # Energy is taken from the sum of pulses: rounding each look down would add up.
        self._pulses = 0
        self._counted_mwh = 0
        self.values = {}
        # Where there is none, nothing waits for it.
        self.was_read = meter is None

    @property
    def has_counted(self) -> bool:
        """Whether the energy counter was read at least once."""
        return self._last_pulses is not None

    async def read(self, mains: object) -> object:
        """A reading, or None; its failure is observed as a fault.

        `mains` is the mains' detector: a meter that sees no voltage while it sees one is dead.
        """
        error = None
        try:
            reading = await self._meter.read()
            if reading.voltage_mv < rules.NO_SUPPLY_MV and mains.is_present():
                error = "no voltage"
        except SensorError as failure:
            error = str(failure)
        changed = self._faults.see("meter_failure", error is not None)
        if error is not None:
            reading = None
            if changed:
                log("meter", error)
            for name in _NAMES:
                self.values[name] = None
        self.was_read = True
        return reading

    def energy_mwh(self, pulses: int, now_s: int) -> int:
        """Energy since the last call; the counter may have wrapped or started anew."""
        energy_mwh = 0
        if self._last_pulses is not None:
            seconds = max(1, min(86400, now_s - self._last_read_s))
            # Over many pulses: one of them may be less than a milliwatt-hour.
            per_kilo_mwh = max(1, self._meter.energy_mwh(1000))
            most = seconds * _MOST_MWH_PER_S * 1000 // per_kilo_mwh + 2
            self._pulses += pulses_since(self._last_pulses, pulses, most)
            energy_mwh = self._meter.energy_mwh(self._pulses) - self._counted_mwh
            self._counted_mwh += energy_mwh
            if self._pulses > _PULSES:
                self._pulses = 0
                self._counted_mwh = 0
        self._last_pulses = pulses
        self._last_read_s = now_s
        return energy_mwh

    def take(self, reading: object) -> int | None:
        """Fill the report's values; the power factor in percent."""
        values = self.values
        apparent = rules.apparent_mva(reading.voltage_mv, reading.current_ma)
        factor = rules.factor_percent(apparent, reading.power_mw)
        values["mains_voltage_v"] = reading.voltage_mv / 1000
        values["lamp_current_a"] = reading.current_ma / 1000
        values["lamp_power_w"] = max(0, reading.power_mw) / 1000
        values["power_factor"] = None if factor is None else factor / 100
        frequency = reading.frequency_mhz
        values["mains_frequency_hz"] = None if frequency is None else frequency / 1000
        return factor

    def judge(self, reading: object, factor: int | None, changed_ms: int) -> bool:
        """Observe faults, with the mains there; whether any came or went.

        Args:
            reading: What was read.
            factor: The power factor in percent.
            changed_ms: Tick at which the lamp was last told another level.
        """
        faults = self._faults
        if reading.voltage_mv < rules.NO_SUPPLY_MV:
            return False  # the mains went or came while it was measured
        changed = False
        found = rules.supply_faults(reading.voltage_mv, faults.stands)
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, changed_ms) >= _SETTLE_MS:
            output = self._lamp.output_percent
            apparent = rules.apparent_mva(reading.voltage_mv, reading.current_ma)
            lamp = rules.lamp_faults(
                output, self._rated_w, reading.power_mw, self._lamp.has_relay, faults.stands
            )
            found.update(lamp)
            found.update(
                rules.current_faults(output, self._rated_w, apparent, factor, faults.stands)
            )
            lit = output > 0 and not lamp["lamp_failure"] and not lamp["relay_failure"]
            found["cycling"] = self._cycling.see(now_ms, time.ticks_diff, lit, output > 0)
        for name, present in found.items():
            changed = faults.see(name, present) or changed
        return changed
