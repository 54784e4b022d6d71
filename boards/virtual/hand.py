"""What one may change by hand around a node, and which values make sense. Pure.

The device half reads these names (device/peripherals); None takes the hand off again.
"""

from collections.abc import Mapping
from typing import Any, cast

from boards.virtual.errors import OrderError

# Name -> lowest and highest value.
_NUMBERS: dict[str, tuple[float, float]] = {
    "tilt": (0, 180),
    "fill": (0, 100),
    "battery": (0, 5),
    "level_m": (-1000, 9000),
    "rain_mm_per_h": (0, 500),
    "air_c": (-40, 80),
    "soil_moisture": (0, 100),
    "vent": (0, 100),
    "phase_1_v": (0, 420),
    "phase_2_v": (0, 420),
    "phase_3_v": (0, 420),
}
_SWITCHES = ("door", "fire", "hand_switch")
_CHOICES: dict[str, tuple[str, ...]] = {
    "lamp": ("broken", "stuck_on", "cut_off", "undimmed"),
    "modem": (
        *("no_sim", "sim_pin", "no_registration", "denied"),
        *("no_carrier", "garbage", "silent", "hang", "drop"),
    ),
    "access_point": ("gone",),
    "cable": ("out",),
    "dhcp": ("silent",),
}
_KEY_CHARS = 64
_FAULTS = (
    *("silent", "crc", "stuck", "open", "short", "noise", "drift", "bus"),
    *("exception", "garbage", "cut", "late", "echo", "blocked", "echo_lost"),
    *("welded", "tripped", "contact", "collision"),
)
# Faults of a line are only there for parts that hang on one.
_ON_BUS = {"garbage": "uart", "bus": "i2c"}
NAMES = (*_NUMBERS, *_SWITCHES, *_CHOICES, "wifi_key", "sensor_fault")


def checked(what: str, value: Any, parts: Mapping[str, Any]) -> Any:
    """The value as the device half reads it; None where the hand comes off.

    Args:
        what: One of NAMES.
        value: As it came; False and None take the hand off.
        parts: The parts on the node's board, by name.

    Raises:
        OrderError: no such thing, or a value that it cannot have.
    """
    if what not in NAMES:
        raise OrderError(f"{what!r} is none of {', '.join(NAMES)}")
    if value is None or value is False:
        return None
    if what in _SWITCHES:
        if value is not True:
            raise OrderError(f"{what} is on or off")
        return True
    if what in _NUMBERS:
        return _number(what, value, *_NUMBERS[what])
    if what in _CHOICES:
        if value not in _CHOICES[what]:
            raise OrderError(f"{what} is {' or '.join(_CHOICES[what])}, or off")
        return value
    if what == "wifi_key":
        if not isinstance(value, str) or not 0 < len(value) <= _KEY_CHARS:
            raise OrderError(f"wifi_key is a text of 1 to {_KEY_CHARS} characters, or off")
        return value
    return _fault(value, parts)


def _number(what: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise OrderError(f"{what} is a number from {low:g} to {high:g}, or off")
    return value


def _fault(value: Any, parts: Mapping[str, Any]) -> dict[str, str]:
    """`meter`, `meter:crc` or {"part": "meter", "fault": "crc"}."""
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        part, fault = table.get("part"), table.get("fault", "silent")
    else:
        part, _, fault = str(value).partition(":")
        fault = fault or "silent"
    if not isinstance(part, str) or part not in parts:
        raise OrderError(f"this board has no part {part!r}: {', '.join(sorted(parts))}")
    if not isinstance(fault, str) or fault not in _FAULTS:
        raise OrderError(f"a fault is one of {', '.join(_FAULTS)}")
    line = _ON_BUS.get(fault, "")
    if not str(parts[part].get("bus", "")).startswith(line):
        raise OrderError(f"the fault {fault} needs a part on {line}, and {part} is on none")
    return {"part": part, "fault": fault}
