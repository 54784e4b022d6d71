"""Rules by which a station switches its own outputs: their form and their bounds.

The `rules` of a desired document are a map {output: rule}; an output without a rule stays off.
A rule holds one measured quantity in a band, by level:

    {"measure": "soil_moisture_percent",
     "on": 250, "off": 320,          # scaled as the report's field: on below 25.0, off from 32.0
     "min_on_s": 60, "min_off_s": 600,
     "most_on_s": 3600,              # in a local day, or None
     "hours": [300, 1080],           # minutes of the local day from..to, or None for all of it
     "excludes": ["vent_motor"],     # never while one of these runs
     "limits": [["air_temperature_c", None, 400]],   # only while low <= measure <= high
     "fail_safe": 0}                 # while the measure is lost

`on` above `off` acts above the band (a vent), `on` below `off` acts below it (irrigation). What
follows from a rule is the node's (firmware/nodes/greenhouse/output_rules.py).
"""

from protocols.errors import MALFORMED, OUT_OF_RANGE, ProtocolError
from protocols.fields import FIELDS, GREENHOUSE, OUTPUTS
from protocols.limits import RULE_LIMITS, RULE_S

# What an output may be held off by: another output, a running motor, an open door.
CONDITIONS = OUTPUTS + ("vent_motor", "door")
MEASURES = (
    "air_temperature_c",
    "relative_humidity_percent",
    "vapour_pressure_deficit_kpa",
    "co2_ppm",
    "illuminance_lx",
    "leaf_temperature_c",
    "soil_moisture_percent",
    "soil_temperature_c",
    "soil_conductivity_ms_per_cm",
)
_KEYS = (
    "measure",
    "on",
    "off",
    "min_on_s",
    "min_off_s",
    "most_on_s",
    "hours",
    "excludes",
    "limits",
    "fail_safe",
)


def check_rules(rules: object) -> None:
    """Refuses rules that could not be followed whole.

    Raises:
        ProtocolError: malformed or out_of_range; the detail names the place.
    """
    if not isinstance(rules, dict):
        raise ProtocolError(MALFORMED, "rules are not a map")
    for output, rule in rules.items():
        if output not in OUTPUTS:
            raise ProtocolError(MALFORMED, "unknown output")
        _check_rule(output, rule)


def _check_rule(output: str, rule: object) -> None:
    if not isinstance(rule, dict) or len(rule) != len(_KEYS):
        raise ProtocolError(MALFORMED, output + " is not a whole rule")
    for key in _KEYS:
        if key not in rule:
            raise ProtocolError(MALFORMED, output + " lacks " + key)
    low, high = _bounds(rule["measure"], output)
    on = _integer(rule["on"], output + " on", low, high)
    off = _integer(rule["off"], output + " off", low, high)
    if on == off:
        raise ProtocolError(OUT_OF_RANGE, output + " has no band between on and off")
    _integer(rule["min_on_s"], output + " min_on_s", 0, RULE_S)
    _integer(rule["min_off_s"], output + " min_off_s", 0, RULE_S)
    if rule["most_on_s"] is not None:
        _integer(rule["most_on_s"], output + " most_on_s", 1, RULE_S)
    _integer(rule["fail_safe"], output + " fail_safe", 0, 1)
    if rule["hours"] is not None:
        for minute in _list(rule["hours"], output + " hours", 2, 2):
            _integer(minute, output + " hours", 0, 1439)
    for name in _list(rule["excludes"], output + " excludes", 0, len(CONDITIONS)):
        if name == output or name not in CONDITIONS:
            raise ProtocolError(MALFORMED, output + " excludes an unknown name or itself")
    for limit in _list(rule["limits"], output + " limits", 0, RULE_LIMITS):
        measure, *bounds = _list(limit, output + " limit", 3, 3)
        low, high = _bounds(measure, output)
        for bound in bounds:
            if bound is not None:
                _integer(bound, output + " limit", low, high)


def _bounds(measure: object, output: str) -> tuple[int, int]:
    if measure in MEASURES:
        for field in FIELDS[GREENHOUSE]:
            if field[0] == measure:
                return field[3], field[4]
    raise ProtocolError(MALFORMED, output + ": unknown measure")


def _list(value: object, name: str, least: int, most: int) -> list:
    if not isinstance(value, list):
        raise ProtocolError(MALFORMED, name + " is not a list")
    if not least <= len(value) <= most:
        raise ProtocolError(OUT_OF_RANGE, name + ": too many or too few")
    return value


def _integer(value: object, name: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProtocolError(MALFORMED, name + " is not an integer")
    if value < low or value > high:
        raise ProtocolError(OUT_OF_RANGE, name)
    return value
