"""Rules of dimming programs: what steps mean, what is wrong with them, a night's preview. Pure.

A program is the steps of one night, noon to noon:

    {"anchor": "clock" | "sunset" | "sunrise", "time": "23:00" | None, "offset_min": 0,
     "level": 0-100, "ramp_s": 0-3600}

On its way to the nodes it becomes a calendar (protocols.schedule); a preview asks the very code
that the nodes run. An override is a level for a while; it ends by itself on the node.

    steps = check_steps([{"anchor": "sunset", "level": 100}, ...])
    calendar = calendar_of(steps, utc_offset_min=420)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleet_server.errors import InvalidError
from protocols import schedule, sun
from protocols.limits import OVERRIDE_S, RAMP_S, STEPS, SUN_OFFSET_MIN

ANCHORS = {"clock": schedule.CLOCK, "sunset": schedule.SUNSET, "sunrise": schedule.SUNRISE}
# All cities of the fleet keep Indochina time.
UTC_OFFSET_MIN = 420
NAME_CHARS = 100
REASON_CHARS = 200
OVERRIDE_MINUTES = OVERRIDE_S // 60
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_FIELDS = ("anchor", "time", "offset_min", "level", "ramp_s")


@dataclass(frozen=True, slots=True)
class Night:
    """A night as a lamp will burn it.

    Attributes:
        from_s: The first noon; `until_s` the second. Unix seconds.
        sunset_s: Of the lamp's own place; None on a polar day, as `sunrise_s`.
        at_s: Moments, ascending: every change of the level's slope, from noon to noon.
        levels: The level at each of them, in percent.
    """

    from_s: int
    until_s: int
    sunset_s: int | None
    sunrise_s: int | None
    at_s: tuple[int, ...]
    levels: tuple[int, ...]


def check_name(name: str) -> str:
    """A program's name without spaces around it.

    Raises:
        InvalidError: empty, too long or not printable.
    """
    kept = " ".join(name.split())
    if not kept:
        raise InvalidError("The program needs a name.", field="name")
    if len(kept) > NAME_CHARS or not kept.isprintable():
        raise InvalidError(f"The name is longer than {NAME_CHARS} characters.", field="name")
    return kept


def check_steps(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps with every field in place.

    Raises:
        InvalidError: the field names the step and its part, such as `steps[1].level`.
    """
    if not steps:
        raise InvalidError("The program needs at least one step.", field="steps")
    if len(steps) > STEPS:
        raise InvalidError(f"A night has at most {STEPS} steps.", field="steps")
    checked = [_check_step(step, f"steps[{number}]") for number, step in enumerate(steps)]
    seen: dict[tuple[Any, ...], int] = {}
    for number, step in enumerate(checked):
        moment = (step["anchor"], step["time"], step["offset_min"])
        if moment in seen:
            raise InvalidError(
                f"Step {number + 1} is at the same moment as step {seen[moment] + 1}.",
                field=f"steps[{number}]",
            )
        seen[moment] = number
    return checked


def calendar_of(steps: Sequence[Mapping[str, Any]], utc_offset_min: int) -> dict[str, Any]:
    """The calendar that makes a node follow these steps every night."""
    return {
        "programs": [[_wire_step(step) for step in steps]],
        "rules": [[0, schedule.EVERY_DAY, None, None]],
        "utc_offset_min": utc_offset_min,
    }


def with_calendar(document: Mapping[str, Any], calendar: Mapping[str, Any]) -> dict[str, Any]:
    """A desired document with another calendar."""
    return {**document, "calendar": dict(calendar)}


def with_override(
    document: Mapping[str, Any], override: Mapping[str, int] | None
) -> dict[str, Any]:
    """A desired document with another override, or with none."""
    return {**document, "override": None if override is None else dict(override)}


def override_of(level: int, minutes: int, now_s: int) -> dict[str, int]:
    """The override that holds from now on.

    Args:
        level: Percent.
        minutes: City minutes, at most a day: longer needs a program.
        now_s: City time.

    Raises:
        InvalidError: out of range.
    """
    if not 0 <= level <= 100:
        raise InvalidError("The level must be 0 to 100 percent.", field="level")
    if not 1 <= minutes <= OVERRIDE_MINUTES:
        raise InvalidError(
            f"An override lasts 1 to {OVERRIDE_MINUTES} minutes; longer needs a program.",
            field="minutes",
        )
    return {"level": level, "from_s": now_s, "until_s": now_s + 60 * minutes}


def check_reason(reason: str) -> str:
    """The reason of an override, as one line.

    Raises:
        InvalidError: too long.
    """
    kept = " ".join(reason.split())
    if len(kept) > REASON_CHARS:
        raise InvalidError(f"The reason is longer than {REASON_CHARS} characters.", field="reason")
    return kept


def night_on(calendar: dict[str, Any], day: int, latitude_udeg: int, longitude_udeg: int) -> Night:
    """The night that begins on a local day, as a lamp at this place burns it.

    Args:
        calendar: What the lamp follows.
        day: Days since 2000-01-01, local.
        latitude_udeg: Millionths of a degree.
        longitude_udeg: Millionths of a degree.
    """
    plan = schedule.night_plan(calendar, day, latitude_udeg, longitude_udeg)
    from_s = plan[0][0]
    until_s = from_s + sun.DAY_S
    moments = {from_s, until_s - 1}
    for index, (at_s, _, ramp_s, _, _) in enumerate(plan):
        end_s = plan[index + 1][0] if index + 1 < len(plan) else until_s
        # Just before a step, at it, and where its ramp ends: the corners of the curve.
        moments.update((at_s - 1, at_s, min(at_s + ramp_s, end_s - 1)))
    at = tuple(sorted(second for second in moments if from_s <= second < until_s))
    levels = tuple(schedule.level_in(plan, second) for second in at)
    _, sunset_s = sun.rise_set(day, latitude_udeg, longitude_udeg)
    sunrise_s, _ = sun.rise_set(day + 1, latitude_udeg, longitude_udeg)
    return Night(from_s, until_s, sunset_s, sunrise_s, at, levels)


def _check_step(step: Mapping[str, Any], where: str) -> dict[str, Any]:
    for name in step:
        if name not in _FIELDS:
            raise InvalidError(f"{name} is not a part of a step.", field=f"{where}.{name}")
    anchor = step.get("anchor")
    if anchor not in ANCHORS:
        raise InvalidError("A step is at clock, sunset or sunrise.", field=where + ".anchor")
    time = step.get("time")
    offset_min = step.get("offset_min", 0)
    if anchor == "clock":
        if not isinstance(time, str) or _TIME.fullmatch(time) is None:
            raise InvalidError("The time must be like 23:00.", field=where + ".time")
        if offset_min not in (0, None):
            raise InvalidError("A clock time has no offset.", field=where + ".offset_min")
        offset_min = 0
    else:
        if time is not None:
            raise InvalidError("A step at the sun has no time.", field=where + ".time")
        offset_min = _number(offset_min, -SUN_OFFSET_MIN, SUN_OFFSET_MIN, where + ".offset_min")
    return {
        "anchor": anchor,
        "time": time,
        "offset_min": offset_min,
        "level": _number(step.get("level"), 0, 100, where + ".level"),
        "ramp_s": _number(step.get("ramp_s", 0), 0, RAMP_S, where + ".ramp_s"),
    }


def _number(value: Any, low: int, high: int, field: str) -> int:
    # A bool is an int to Python, not to a person.
    if type(value) is not int or not low <= value <= high:
        raise InvalidError(f"This must be a whole number from {low} to {high}.", field=field)
    return value


def _wire_step(step: Mapping[str, Any]) -> list[int]:
    anchor = ANCHORS[step["anchor"]]
    offset_min: int = step["offset_min"]
    if anchor == schedule.CLOCK:
        hours, minutes = step["time"].split(":")
        offset_min = 60 * int(hours) + int(minutes)
    return [anchor, offset_min, step["level"], step["ramp_s"]]
