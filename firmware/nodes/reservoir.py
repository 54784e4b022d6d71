"""Reservoir or river gauge: level, how fast it rises, rain, and the flood alarm levels.

The alarm level is judged on the node itself, with hysteresis, and a change reports at once,
so that a warning does not wait for the next report nor for anybody's rule.
"""

from firmware.drivers.ads1115_loop import height_mm
from firmware.nodes.common import median
from firmware.nodes.station import Station
from protocols.fields import RESERVOIR

_SAMPLES = 5
# Bao dong 1, 2, 3 of a gauge of ten metres, where the station was given none.
_FLOOD_LEVELS_MM = (6000, 7000, 8000)
# A level must fall this far below an alarm's limit before the alarm ends.
_HYSTERESIS_MM = 50
# Beyond the span that the transmitter was calibrated for, its word is a guess.
_SPAN_UA = (3900, 20100)
_LOW_MV = 3300
_CHARGED_MV = 3500
# The rate of rise is taken over an hour in steps of five minutes.
_RATE_STEP_S = 300
_RATE_STEPS = 12


def flood_level(level_mm: int, limits_mm: tuple[int, ...], before: int) -> int:
    """0, or the highest alarm level that stands; `before` is the one that stood."""
    stands = 0
    for index in range(len(limits_mm)):
        limit_mm = limits_mm[index] - (_HYSTERESIS_MM if index < before else 0)
        if level_mm >= limit_mm:
            stands = index + 1
    return stands


def rise_mm_per_h(history: list[tuple[int, int]], now_s: int, level_mm: int) -> int | None:
    """The rise since the oldest of the kept levels; None with less than ten minutes."""
    if not history or now_s - history[0][0] < 2 * _RATE_STEP_S:
        return None
    then_s, then_mm = history[0]
    return (level_mm - then_mm) * 3600 // (now_s - then_s)


class Reservoir(Station):
    """One gauge."""

    def __init__(self, board: object, config: dict, clock: object, emit: object) -> None:
        super().__init__(RESERVOIR, config, emit, ("rain_um",))
        self._clock = clock
        self._loop = board.part("level")
        settings = board.settings("level")
        self._low_mm = config.get("level_low_mm", settings["low_mm"])
        self._high_mm = config.get("level_high_mm", settings["high_mm"])
        self._limits_mm = tuple(config.get("flood_levels_mm", _FLOOD_LEVELS_MM))
        self._rain = board.part("rain")
        self._counted_tips_um = 0
        self._battery = board.part("battery")
        self._currents = []
        self._history = []
        self._flood = 0

    async def _measure(self) -> None:
        self._take_current(await self._read(self._loop, "level_sensor_failure"))
        battery_mv = await self._read(self._battery, None)
        self._values["battery_v"] = None if battery_mv is None else battery_mv / 1000
        if battery_mv is not None:
            limit_mv = _CHARGED_MV if self._faults.stands("low_battery") else _LOW_MV
            self._faults.see("low_battery", battery_mv < limit_mv)
        if self._rain is not None:
            rain_um = self._rain.rain_um()
            self._counters.add("rain_um", rain_um - self._counted_tips_um)
            self._counted_tips_um = rain_um
            self._values["rain_mm"] = self._counters.value("rain_um") / 1000

    def _take_current(self, current_ua: int | None) -> None:
        values = self._values
        if current_ua is None:
            if self._faults.stands("level_sensor_failure"):
                self._currents = []
                self._history = []
                for name in ("level_m", "rate_of_rise_m_per_h", "loop_current_ma"):
                    values[name] = None
            return
        self._currents.append(current_ua)
        if len(self._currents) > _SAMPLES:
            self._currents.pop(0)
        middle_ua = median(self._currents)
        self._faults.see("level_out_of_range", not _SPAN_UA[0] <= middle_ua <= _SPAN_UA[1])
        level_mm = height_mm(middle_ua, self._low_mm, self._high_mm)
        now_s = self._clock.now_s()
        rise = rise_mm_per_h(self._history, now_s, level_mm)
        self._keep_level(now_s, level_mm)
        values["loop_current_ma"] = middle_ua / 1000
        values["level_m"] = level_mm / 1000
        values["rate_of_rise_m_per_h"] = None if rise is None else rise / 1000
        flood = flood_level(level_mm, self._limits_mm, self._flood)
        if flood != self._flood:
            self._flood = flood
            self.report_now()

    def _keep_level(self, now_s: int, level_mm: int) -> None:
        history = self._history
        if history and now_s < history[-1][0]:
            history.clear()  # the clock was set back
        if not history or now_s - history[-1][0] >= _RATE_STEP_S:
            history.append((now_s, level_mm))
        if len(history) > _RATE_STEPS:
            history.pop(0)

    def readings(self) -> dict:
        """The values of a report by name."""
        self._values["flood_alarm_level"] = self._flood
        return super().readings()

    def self_test(self) -> bool:
        """Whether the level, without which a gauge says nothing, is read."""
        return self._rounds > 0 and not self._faults.stands("level_sensor_failure")
