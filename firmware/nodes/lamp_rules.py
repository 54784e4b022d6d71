"""What a lamp should do and what its meter says about it: pure, no clock, no driver.

Source: fault names after TALQ 2.7.1 LampMonitor.
"""

from protocols import schedule

# Below this share of the rated power a lamp that should burn does not.
_DARK_PERCENT = 8
# A driver that is switched off draws less than this.
_STANDBY_MW = 3000
_LOW_PERCENT = 60
_HIGH_PERCENT = 140
# EN 50160: the supply stays within 10 %; beyond 15 % drivers suffer.
_LOW_MV = 195000
_HIGH_MV = 255000
_HOT_C = 85
_LEANING_DEG = 15
# Power factor of a driver at a fair load; a dimmed one is always poor.
_POOR_FACTOR_PERCENT = 70


class LevelPlan:
    """The level of one lamp at any moment; the night's plan is made once a night."""

    def __init__(self, latitude_udeg: int, longitude_udeg: int) -> None:
        self._place = (latitude_udeg, longitude_udeg)
        self._calendar = None
        self._override = None
        self._night = None
        self._plan = []

    def follow(self, calendar: dict, override: dict | None) -> None:
        """Take the calendar and the override that are in force from now on."""
        self._calendar = calendar
        self._override = override
        self._night = None

    def level_percent(self, now_s: int) -> int:
        """The level that holds at unix second `now_s`, whatever happened before it."""
        level = schedule.override_level(self._override, now_s)
        if level is not None:
            return level
        night = schedule.night_of(self._calendar, now_s)
        if night != self._night:
            self._plan = schedule.night_plan(self._calendar, night, *self._place)
            self._night = night
        return schedule.level_in(self._plan, now_s)


def expected_power_mw(level_percent: int, rated_w: int) -> int:
    """What a healthy lamp draws at a level: a twentieth for its driver, the rest for light."""
    if level_percent == 0:
        return 0
    return rated_w * (50 + 950 * level_percent // 100)


def power_faults(level_percent: int, rated_w: int, power_mw: int) -> dict[str, bool]:
    """Fault name -> present, for a lamp that has stood at its level for a while."""
    expected_mw = expected_power_mw(level_percent, rated_w)
    burns = level_percent > 0
    dark = burns and power_mw < max(
        _STANDBY_MW, rated_w * 10 * _DARK_PERCENT * level_percent // 100
    )
    return {
        "lamp_failure": dark,
        "unexpected_on": not burns and power_mw > max(_STANDBY_MW, rated_w * 50),
        "power_too_low": burns and not dark and power_mw * 100 < expected_mw * _LOW_PERCENT,
        "power_too_high": burns and power_mw * 100 > expected_mw * _HIGH_PERCENT,
    }


def supply_faults(voltage_mv: int) -> dict[str, bool]:
    """Faults of the supply, for a mains that is there."""
    return {
        "voltage_too_low": voltage_mv < _LOW_MV,
        "voltage_too_high": voltage_mv > _HIGH_MV,
    }


def factor_percent(voltage_mv: int, current_ma: int, power_mw: int) -> int | None:
    """The power factor in percent; None where there is no current to judge."""
    apparent_mw = voltage_mv * current_ma // 1000
    if apparent_mw < _STANDBY_MW:
        return None
    return max(0, min(100, power_mw * 100 // apparent_mw))


def is_poor_factor(level_percent: int, percent: int | None) -> bool:
    """Whether the power factor is a fault at this level."""
    return percent is not None and level_percent >= 50 and percent < _POOR_FACTOR_PERCENT


def is_hot(temperature_c: float) -> bool:
    """Whether the driver is too hot."""
    return temperature_c > _HOT_C


def is_leaning(tilt_deg: int) -> bool:
    """Whether the pole leans."""
    return tilt_deg > _LEANING_DEG
