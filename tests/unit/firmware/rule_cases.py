"""Rules and days of a greenhouse by chance, for the property tests and both runtimes."""

import random
from typing import Any

from protocols.fields import FIELDS, GREENHOUSE, OUTPUTS
from protocols.rules import CONDITIONS, MEASURES

BOUNDS = {field[0]: (field[3], field[4]) for field in FIELDS[GREENHOUSE]}


def rule_by_chance(chance: random.Random, output: str) -> dict[str, Any]:
    """One rule that the contract takes, with times short enough to matter."""
    measure = chance.choice(MEASURES)
    low, high = BOUNDS[measure]
    on = chance.randint(low, high)
    off = chance.choice([value for value in (low, high, (low + high) // 2) if value != on])
    others = [name for name in CONDITIONS if name != output]
    limits: list[Any] = []
    for _ in range(chance.choice((0, 0, 1, 2))):
        limited = chance.choice(MEASURES)
        bounds = BOUNDS[limited]
        limits.append([limited, chance.choice((None, bounds[0])), sum(bounds) * 3 // 4])
    return {
        "measure": measure,
        "on": on,
        "off": off,
        "min_on_s": chance.choice((0, 5, 60, 300)),
        "min_off_s": chance.choice((0, 5, 60, 300)),
        "most_on_s": chance.choice((None, 1, 120, 3600)),
        "hours": chance.choice((None, None, [300, 1080], [1200, 240])),
        "excludes": chance.sample(others, chance.choice((0, 0, 1, 2))),
        "limits": limits,
        "fail_safe": chance.randint(0, 1),
    }


def rules_by_chance(chance: random.Random) -> dict[str, Any]:
    """Rules for some of the outputs."""
    named = chance.sample(OUTPUTS, chance.randint(0, len(OUTPUTS)))
    return {output: rule_by_chance(chance, output) for output in named}


def steps_by_chance(chance: random.Random, count: int) -> list[list[Any]]:
    """[passed_s, day, minute, values, conditions] of each step, sensors lost now and then."""
    at_s = chance.randint(0, 86400)
    day = chance.randint(9000, 9400)
    values: dict[str, int | None] = {}
    steps: list[list[Any]] = []
    for _ in range(count):
        passed_s = chance.choice((0, 1, 1, 5, 60, 360))
        at_s += passed_s
        for measure in MEASURES:
            low, high = BOUNDS[measure]
            if chance.random() < 0.2:
                values[measure] = chance.choice((None, low, high, chance.randint(low, high)))
        known = None if chance.random() < 0.05 else day + at_s // 86400
        away = [name for name in ("vent_motor", "door") if chance.random() < 0.1]
        steps.append([passed_s, known, at_s % 86400 // 60, dict(values), away])
    return steps
