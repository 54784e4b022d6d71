"""What a meter says about a lamp: named faults with hysteresis. Pure.

A fault that stands has to be left by a margin before it goes, beside the runs of equal
observations that nodes/common.py asks for.

Source: fault names after TALQ 2.7.1 LampMonitor. Not judged here: leakage (no part measures
residual current), contactor_error (the contactor is the cabinet's), communication_failure
(the server's).
"""

from firmware.nodes.streetlight.rules import expected_power_mw

# Below this share of the rated power a lamp that should burn does not.
_DARK_PERCENT = 8
# A gear that is switched off draws less than this; one that is cut off draws nothing.
_STANDBY_MW = 3000
_NOTHING_MW = 200
_LOW_PERCENT = 60
_HIGH_PERCENT = 140
# From this share of the rated power on a lamp burns as if nobody dimmed it.
_UNDIMMED_PERCENT = 85
_DIMMED_LEVEL = 70
# EN 50160: the supply stays within 10 %; beyond 15 % gears suffer.
_LOW_MV = 195000
_HIGH_MV = 255000
# With less at the meter there is no supply to judge: the mains detector knows of outages.
NO_SUPPLY_MV = 30000
_HOT_C = 85
_LEANING_DEG = 15
# Power factor of a gear at a fair load; a dimmed one is always poor.
_POOR_FACTOR_PERCENT = 70
_FAIR_LEVEL = 50
# Apparent power against the rated power, in percent.
_CURRENT_HIGH_PERCENT = 165
_CURRENT_LOW_PERCENT = 50
# A discharge lamp at its end goes out and strikes again every few minutes.
_CYCLES = 3
_CYCLES_MS = 1800000


def lamp_faults(
    output_percent: int, rated_w: int, power_mw: int, has_relay: bool, stands: object
) -> dict[str, bool]:
    """Fault name -> present, for a lamp that has stood at its output for a while.

    Args:
        output_percent: What its gear was told, 0 for off.
        rated_w: What it draws at full output.
        power_mw: What it draws now.
        has_relay: Whether a relay cuts its supply at 0.
        stands: stands(name) -> whether that fault stands now.
    """
    expected_mw = expected_power_mw(output_percent, rated_w)
    burns = output_percent > 0
    cut_off = burns and has_relay and power_mw < _NOTHING_MW
    dark_mw = max(_STANDBY_MW, rated_w * 10 * _DARK_PERCENT * output_percent // 100)
    dark = burns and not cut_off and _under(power_mw, dark_mw, 10, stands("lamp_failure"))
    on_mw = max(_STANDBY_MW, rated_w * 50)
    is_on = not burns and _over(power_mw, on_mw, 10, stands("unexpected_on"))
    undimmed_mw = rated_w * 10 * _UNDIMMED_PERCENT
    undimmed = (
        0 < output_percent <= _DIMMED_LEVEL
        and power_mw * 100 > expected_mw * 120
        and _over(power_mw, undimmed_mw, 5, stands("dimming_failure"))
    )
    low_mw = expected_mw * _LOW_PERCENT // 100
    high_mw = expected_mw * _HIGH_PERCENT // 100
    low = _under(power_mw, low_mw, 10, stands("power_too_low"))
    high = _over(power_mw, high_mw, 10, stands("power_too_high"))
    return {
        "lamp_failure": dark,
        "unexpected_on": is_on,
        # An open relay passes nothing, a closed one at least the gear's stand-by power.
        "relay_failure": cut_off or (has_relay and is_on),
        "dimming_failure": undimmed,
        "power_too_low": burns and not dark and not cut_off and low,
        "power_too_high": burns and not undimmed and high,
    }


def supply_faults(voltage_mv: int, stands: object) -> dict[str, bool]:
    """Faults of the supply, for a mains that is there."""
    return {
        "voltage_too_low": _under(voltage_mv, _LOW_MV, 2, stands("voltage_too_low")),
        "voltage_too_high": _over(voltage_mv, _HIGH_MV, 2, stands("voltage_too_high")),
    }


def current_faults(
    output_percent: int, rated_w: int, apparent_mva: int, factor: int | None, stands: object
) -> dict[str, bool]:
    """Faults of the current and its power factor, for a lamp that has settled."""
    fair = output_percent >= _FAIR_LEVEL
    high_mva = rated_w * 10 * _CURRENT_HIGH_PERCENT
    low_mva = expected_power_mw(output_percent, rated_w) * _CURRENT_LOW_PERCENT // 100
    burns = apparent_mva >= _STANDBY_MW
    poor = factor is not None and _under(
        factor, _POOR_FACTOR_PERCENT, 5, stands("power_factor_too_low")
    )
    return {
        "current_too_high": _over(apparent_mva, high_mva, 10, stands("current_too_high")),
        "current_too_low": fair
        and burns
        and _under(apparent_mva, low_mva, 10, stands("current_too_low")),
        "power_factor_too_low": fair and poor,
    }


def apparent_mva(voltage_mv: int, current_ma: int) -> int:
    """Apparent power in thousandths of a volt-ampere."""
    return voltage_mv * current_ma // 1000


def factor_percent(apparent: int, power_mw: int) -> int | None:
    """The power factor in percent; None where there is no current to judge."""
    if apparent < _STANDBY_MW:
        return None
    return max(0, min(100, power_mw * 100 // apparent))


def is_hot(temperature_c: float, stands: bool) -> bool:
    """Whether the gear is too hot."""
    return _over(temperature_c, _HOT_C, 6, stands)


def is_leaning(tilt_deg: int, stands: bool) -> bool:
    """Whether the pole leans."""
    return _over(tilt_deg, _LEANING_DEG, 20, stands)


class Cycling:
    """Notices a lamp that goes out and comes back under an unchanged command."""

    def __init__(self) -> None:
        self._was_lit = False
        self._drops = []

    def see(self, now_ms: int, diff: object, lit: bool, told_on: bool) -> bool:
        """Take one settled observation; whether the lamp is cycling now.

        `diff(a, b)` is the tick counter's own difference.
        """
        if self._was_lit and told_on and not lit:
            self._drops = self._drops[1 - _CYCLES :] + [now_ms]
        self._was_lit = lit and told_on
        # Old ones go one by one, so that none stands for half a turn of the counter.
        while self._drops and diff(now_ms, self._drops[0]) > _CYCLES_MS:
            self._drops.pop(0)
        return len(self._drops) >= _CYCLES


def _under(value: int, limit: int, margin_percent: int, stands: bool) -> bool:
    return value * 100 < limit * (100 + margin_percent if stands else 100)


def _over(value: int, limit: int, margin_percent: int, stands: bool) -> bool:
    return value * 100 > limit * (100 - margin_percent if stands else 100)
