"""A gauge's level from one or two sensors, how fast it rises, and what that calls for.

The first sensor that is well gives the level; where both are, they must agree, which is what
tells drift. Pure but for the reading of the sensors.
"""

from firmware.nodes.common import median

_SAMPLES = 5
# A level must fall this far below an alarm's limit before the alarm ends.
_HYSTERESIS_MM = 50
# Waves and the sensors' own errors stay below this; drift does not.
_DISAGREEMENT_MM = 100
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


def is_urgent(flood: int, rise: int | None, before: bool, quick_mm_per_h: int) -> bool:
    """Whether to report as in an alarm: from a quick rise on until it is half as quick."""
    limit = quick_mm_per_h // 2 if before else quick_mm_per_h
    return flood > 0 or (rise is not None and rise >= limit)


def disagree(levels_mm: list[int]) -> bool:
    """Whether two sensors of the same water tell different levels."""
    return max(levels_mm) - min(levels_mm) > _DISAGREEMENT_MM


class RateOfRise:
    """The rise over the last hour."""

    def __init__(self) -> None:
        self._history = []

    def clear(self) -> None:
        """Begin anew."""
        self._history = []

    def take(self, now_s: int, level_mm: int) -> int | None:
        """Millimetres an hour with this level; None with less than ten minutes."""
        history = self._history
        if history and now_s < history[-1][0]:
            history.clear()  # the clock was set back
        rise = None
        if history and now_s - history[0][0] >= 2 * _RATE_STEP_S:
            then_s, then_mm = history[0]
            rise = (level_mm - then_mm) * 3600 // (now_s - then_s)
        if not history or now_s - history[-1][0] >= _RATE_STEP_S:
            history.append((now_s, level_mm))
        if len(history) > _RATE_STEPS:
            history.pop(0)
        return rise


class LevelSource:
    """One level sensor: the middle of its last readings, which outlives single failures."""

    def __init__(self, sensor: object, fault: str, config: dict) -> None:
        """`fault` is the one that bears this sensor's name."""
        self.sensor = sensor
        self.fault = fault
        self._raws = []
        self.raw = None
        if sensor is not None:
            sensor.place(config)

    def take(self, raw: int | None, is_lost: bool) -> int | None:
        """The level in millimetres after a reading, None while it is not known."""
        if raw is not None:
            self._raws.append(raw)
            if len(self._raws) > _SAMPLES:
                self._raws.pop(0)
        elif is_lost:
            self._raws = []
        self.raw = median(self._raws) if self._raws else None
        return None if self.raw is None else self.sensor.level_mm(self.raw)

    def is_out_of_span(self) -> bool:
        """Whether it tells more than it was calibrated for."""
        span = None if self.sensor is None or self.raw is None else self.sensor.span
        return span is not None and not span[0] <= self.raw <= span[1]
