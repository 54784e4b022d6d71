"""Reservoir or river gauge: level, how fast it rises, rain, and the flood alarm levels.

The alarm level is judged on the node itself, with hysteresis. A change is an event and a report
at once, so that a warning does not wait for the next report nor for anybody's rule; while the
water is high or rises fast, reports come each minute.
"""

from firmware.nodes.reservoir.water_level import (
    LevelSource,
    RateOfRise,
    disagree,
    flood_level,
    is_urgent,
)
from firmware.nodes.station import Station
from protocols.fields import RESERVOIR
from protocols.messages import FLOOD_LEVEL_CHANGED

# Bao dong 1, 2, 3 of a gauge of ten metres, where the station was given none.
_FLOOD_LEVELS_MM = (6000, 7000, 8000)
# Faster than a flood wave on a large river, slower than a flash flood's.
_QUICK_MM_PER_H = 300
_LOW_MV = 3300
_CHARGED_MV = 3500
# What a hard cut may lose of the rain: a millimetre, or ten minutes of drizzle.
_RAIN_SAVE_UM = 1000
_RAIN_SAVE_S = 600


class Reservoir(Station):
    """One gauge."""

    def __init__(self, board: object, config: dict, clock: object, emit: object) -> None:
        super().__init__(RESERVOIR, config, emit, ("rain_um",))
        self._emit = emit
        self._clock = clock
        self._sources = (
            LevelSource(board.part("level"), "level_sensor_failure", config),
            LevelSource(board.part("level_backup"), "backup_sensor_failure", config),
        )
        self._limits_mm = tuple(config.get("flood_levels_mm", _FLOOD_LEVELS_MM))
        self._quick_mm_per_h = config.get("quick_rise_mm_per_h", _QUICK_MM_PER_H)
        self._alarm_report_s = config["alarm_report_s"]
        self._rain = board.part("rain")
        self._counted_um = 0
        self._saved_um = self._counters.value("rain_um")
        self._saved_s = clock.steady_s()
        self._battery = board.part("battery")
        self._rate = RateOfRise()
        self._flood = 0

    async def _measure(self) -> None:
        self._values["loop_current_ma"] = None
        levels = []
        for source in self._sources:
            if source.sensor is not None:
                raw = await self._read(source.sensor, source.fault)
                level_mm = source.take(raw, self._faults.stands(source.fault))
                if level_mm is not None:
                    levels.append(level_mm)
        out = [source.is_out_of_span() for source in self._sources]
        self._faults.see("level_out_of_range", True in out)
        if len(levels) > 1:
            self._faults.see("level_disagreement", disagree(levels))
        self._take_level(levels[0] if levels else None)
        battery_mv = await self._read(self._battery, None)
        self._values["battery_v"] = None if battery_mv is None else battery_mv / 1000
        if battery_mv is not None:
            limit_mv = _CHARGED_MV if self._faults.stands("low_battery") else _LOW_MV
            self._faults.see("low_battery", battery_mv < limit_mv)
        if self._rain is not None:
            self._take_rain(self._rain.rain_um())

    async def _read(self, sensor: object, fault: str | None) -> object:
        """A reading as every station takes it; a loop's current is told also when it is wrong."""
        value = await super()._read(sensor, fault)
        current_ua = getattr(sensor, "current_ua", None)
        if current_ua is not None:
            self._values["loop_current_ma"] = current_ua / 1000
        return value

    def _take_level(self, level_mm: int | None) -> None:
        values = self._values
        if level_mm is None:
            values["level_m"] = values["rate_of_rise_m_per_h"] = None
            self._rate.clear()
            return
        rise = self._rate.take(self._clock.steady_s(), level_mm)
        values["level_m"] = level_mm / 1000
        values["rate_of_rise_m_per_h"] = None if rise is None else rise / 1000
        before = self._flood
        self._flood = flood_level(level_mm, self._limits_mm, before)
        if self._flood != before:
            detail = {"level": self._flood, "before": before, "level_mm": level_mm}
            self._emit(FLOOD_LEVEL_CHANGED, detail)
            self.report_now()
        was_urgent = self.urgent_report_s is not None
        if is_urgent(self._flood, rise, was_urgent, self._quick_mm_per_h) != was_urgent:
            self.urgent_report_s = None if was_urgent else self._alarm_report_s
            self.report_now()

    def _take_rain(self, rain_um: int) -> None:
        self._counters.add("rain_um", rain_um - self._counted_um)
        self._counted_um = rain_um
        total_um = self._counters.value("rain_um")
        self._values["rain_mm"] = total_um / 1000
        new_um = total_um - self._saved_um
        waited_s = self._clock.steady_s() - self._saved_s
        if new_um >= _RAIN_SAVE_UM or new_um and waited_s >= _RAIN_SAVE_S:
            self._counters.save()
            self._saved_um = total_um
        if new_um == 0 or total_um == self._saved_um:
            self._saved_s = self._clock.steady_s()

    def readings(self) -> dict:
        """The values of a report by name."""
        self._values["flood_alarm_level"] = self._flood
        return super().readings()

    def self_test(self) -> bool:
        """Whether the level, without which a gauge says nothing, is read."""
        return self._rounds > 0 and self._values.get("level_m") is not None
