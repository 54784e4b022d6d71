"""Which level a lamp burns at, at any moment: evaluated by level, never by edge.

A calendar is {"programs": [...], "rules": [...], "utc_offset_min": n}. A
program is a list of steps [anchor, offset_min, level, ramp_s]; a rule is
[program index, weekday mask, from_day, to_day]. Days run from noon to noon, so
that a night is one piece, and bear the number of the day they begin on (days
since 2000-01-01, local). The first rule that fits decides: list order is
priority. After an outage of any length the answer is right at once, because
it depends on nothing but the calendar, the place and the time.

Server and nodes call the same functions:

    plan = night_plan(calendar, night_of(calendar, at_s), latitude, longitude)
    level = level_in(plan, at_s)

Source: names and semantics after TALQ 2.7.1 (ControlProgram, ActivePeriod,
Calendar, CalendarRule).
"""

from protocols import sun
from protocols.errors import MALFORMED, OUT_OF_RANGE, ProtocolError
from protocols.limits import PROGRAMS, RAMP_S, RULES, STEPS, SUN_OFFSET_MIN, UTC_OFFSET_MIN

CLOCK = 0
SUNSET = 1
SUNRISE = 2

EVERY_DAY = 0x7F
# 2000-01-01 was a Saturday; bit 0 of a weekday mask is Monday.
_FIRST_WEEKDAY = 5
# No rule reaches beyond 2106, where 32-bit unix seconds end.
_LAST_DAY = 39000

# What a lamp follows until it is told otherwise.
DEFAULT_CALENDAR: dict[str, object] = {
    "programs": [[[SUNSET, 0, 100, 0], [SUNRISE, 0, 0, 0]]],
    "rules": [[0, EVERY_DAY, None, None]],
    "utc_offset_min": 420,
}


def night_of(calendar: dict[str, object], at_s: int) -> int:
    """The number of the noon-to-noon day in which unix second `at_s` lies."""
    return (at_s + _utc_offset_s(calendar) - sun.EPOCH_S - 43200) // sun.DAY_S


def night_plan(
    calendar: dict[str, object], night: int, latitude_udeg: int, longitude_udeg: int
) -> list[tuple[int, int, int, int, int]]:
    """The steps of one night in order of time.

    The first entry stands at noon and carries on the last level of the night
    before. Sun steps on a polar day are left out; in a polar night sunset
    falls on the first noon and sunrise on the second.

    Returns:
        [(at_s, level, ramp_s, program index, step index)], never empty;
        the indexes are -1 where no program decided.
    """
    place = (latitude_udeg, longitude_udeg)
    before = _steps(calendar, night - 1, place)
    noon_s = _noon_s(calendar, night)
    if before:
        _, level, _, program, step = before[-1]
        plan = [(noon_s, level, 0, program, step)]
    else:
        plan = [(noon_s, 0, 0, -1, -1)]
    plan.extend(_steps(calendar, night, place))
    return plan


def level_in(plan: list[tuple[int, int, int, int, int]], at_s: int) -> int:
    """The level in percent at `at_s`, ramps included."""
    index = step_in(plan, at_s)
    start_s, level, ramp_s, _, _ = plan[index]
    passed = at_s - start_s
    if index == 0 or passed >= ramp_s:
        return level
    # From where the lamp really was: a ramp may begin within another ramp.
    origin = level_in(plan[:index], start_s)
    return origin + (level - origin) * passed // ramp_s


def step_in(plan: list[tuple[int, int, int, int, int]], at_s: int) -> int:
    """The index in `plan` of the step that decides at `at_s`."""
    index = 0
    while index + 1 < len(plan) and plan[index + 1][0] <= at_s:
        index += 1
    return index


def level_at(
    calendar: dict[str, object], at_s: int, latitude_udeg: int, longitude_udeg: int
) -> tuple[int, int, int]:
    """-> (level in percent, program index, step index) at unix second `at_s`."""
    plan = night_plan(calendar, night_of(calendar, at_s), latitude_udeg, longitude_udeg)
    step = plan[step_in(plan, at_s)]
    return level_in(plan, at_s), step[3], step[4]


def override_level(override: dict[str, int] | None, at_s: int) -> int | None:
    """The level of an override that holds at `at_s`, else None."""
    if override is not None and override["from_s"] <= at_s < override["until_s"]:
        return override["level"]
    return None


def check_calendar(calendar: object) -> None:
    """Refuses a calendar that could not be followed whole.

    Raises:
        ProtocolError: malformed or out_of_range; the detail names the place.
    """
    if not isinstance(calendar, dict) or len(calendar) != 3:
        raise ProtocolError(MALFORMED, "calendar is not a map of three")
    for key in ("programs", "rules", "utc_offset_min"):
        if key not in calendar:
            raise ProtocolError(MALFORMED, "calendar lacks " + key)
    _integer(calendar["utc_offset_min"], "utc_offset_min", -UTC_OFFSET_MIN, UTC_OFFSET_MIN)
    programs = _list(calendar["programs"], "programs", PROGRAMS)
    for number, program in enumerate(programs):
        name = "program " + str(number)
        for step in _list(program, name, STEPS):
            _check_step(step, name)
    for number, rule in enumerate(_list(calendar["rules"], "rules", RULES)):
        _check_rule(rule, "rule " + str(number), len(programs))


def _utc_offset_s(calendar: dict[str, object]) -> int:
    minutes = calendar["utc_offset_min"]
    assert isinstance(minutes, int)
    return minutes * 60


def _part(calendar: dict[str, object], key: str) -> list:
    part = calendar[key]
    assert isinstance(part, list)
    return part


def _noon_s(calendar: dict[str, object], night: int) -> int:
    return night * sun.DAY_S + 43200 + sun.EPOCH_S - _utc_offset_s(calendar)


def _program_of(calendar: dict[str, object], night: int) -> int:
    weekday = 1 << (night + _FIRST_WEEKDAY) % 7
    for program, mask, from_day, to_day in _part(calendar, "rules"):
        if not mask & weekday:
            continue
        if (from_day is None or night >= from_day) and (to_day is None or night <= to_day):
            return program
    return -1


def _steps(
    calendar: dict[str, object], night: int, place: tuple[int, int]
) -> list[tuple[int, int, int, int, int]]:
    program = _program_of(calendar, night)
    if program < 0:
        return []
    found: list[tuple[int, int, int, int]] = []
    steps = _part(calendar, "programs")[program]
    for index, (anchor, offset_min, level, ramp_s) in enumerate(steps):
        at_s = _anchor_s(calendar, night, anchor, offset_min, place)
        if at_s is not None:
            found.append((at_s, index, level, ramp_s))
    # Steps at the same moment keep their order in the program: the last one holds.
    found.sort()
    return [(at_s, level, ramp_s, program, index) for at_s, index, level, ramp_s in found]


def _anchor_s(
    calendar: dict[str, object], night: int, anchor: int, offset_min: int, place: tuple[int, int]
) -> int | None:
    noon_s = _noon_s(calendar, night)
    if anchor == CLOCK:
        minute = offset_min - 720 if offset_min >= 720 else offset_min + 720
        return noon_s + minute * 60
    day = night if anchor == SUNSET else night + 1
    event = sun.rise_set(day, place[0], place[1])[0 if anchor == SUNRISE else 1]
    if event is None:
        if sun.is_polar_day(day, place[0]):
            return None
        return noon_s if anchor == SUNSET else noon_s + sun.DAY_S - 1
    # A step belongs to its night: an offset never carries it across a noon.
    return max(noon_s, min(noon_s + sun.DAY_S - 1, event + offset_min * 60))


def _check_step(step: object, name: str) -> None:
    if not isinstance(step, list) or len(step) != 4:
        raise ProtocolError(MALFORMED, name + ": a step is a list of four")
    anchor = _integer(step[0], name + " anchor", CLOCK, SUNRISE)
    if anchor == CLOCK:
        _integer(step[1], name + " offset_min", 0, 1439)
    else:
        _integer(step[1], name + " offset_min", -SUN_OFFSET_MIN, SUN_OFFSET_MIN)
    _integer(step[2], name + " level", 0, 100)
    _integer(step[3], name + " ramp_s", 0, RAMP_S)


def _check_rule(rule: object, name: str, programs: int) -> None:
    if not isinstance(rule, list) or len(rule) != 4:
        raise ProtocolError(MALFORMED, name + " is not a list of four")
    _integer(rule[0], name + " program", 0, programs - 1)
    _integer(rule[1], name + " weekdays", 0, EVERY_DAY)
    for day in rule[2:]:
        if day is not None:
            _integer(day, name + " day", 0, _LAST_DAY)


def _list(value: object, name: str, most: int) -> list:
    if not isinstance(value, list):
        raise ProtocolError(MALFORMED, name + " is not a list")
    if len(value) > most:
        raise ProtocolError(OUT_OF_RANGE, name + ": too many")
    return value


def _integer(value: object, name: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProtocolError(MALFORMED, name + " is not an integer")
    if value < low or value > high:
        raise ProtocolError(OUT_OF_RANGE, name)
    return value
