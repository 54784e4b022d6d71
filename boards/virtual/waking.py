"""When a sleeping node boots again: its timer, or a pin that the world around it raises. Pure.

What raises a pin is the device half's to say (device/plant/waking.py): a list of [what is set by
hand, above which value, for how many milliseconds, reason]. The chip's timer and its clock are
one, so both run on the city's clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

TIMER = 4
_CONDITIONS_MAX = 8


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that raises an armed pin.

    Attributes:
        what: What is set by hand; empty for a pin that is high already.
        above: The value beyond which it counts.
        after_s: Real seconds for which it must last.
        reason: What machine.wake_reason() will say.
    """

    what: str
    above: float
    after_s: float
    reason: int


def conditions(said: Any, speed: float) -> tuple[Condition, ...]:
    """What a node said about its pins; nonsense is left out."""
    found: list[Condition] = []
    rows = cast("list[Any]", said) if isinstance(said, list) else []
    for row in rows[:_CONDITIONS_MAX]:
        match row:
            case [str(what), int() | float() as above, int() | float() as ms, int(reason)]:
                found.append(Condition(what, float(above), max(0.0, ms / 1000 / speed), reason))
            case _:
                continue
    return tuple(found)


def pin_wake(
    waiting: Sequence[Condition], hand: Mapping[str, Any], since_s: Mapping[str, float]
) -> tuple[float, int] | None:
    """When a pin rises, and the reason it gives; None while nothing raises one.

    Args:
        waiting: The armed conditions.
        hand: What is set by hand now.
        since_s: Since when, by the same clock as the answer.
    """
    due: list[tuple[float, int]] = []
    for condition in waiting:
        if not condition.what:
            due.append((0.0, condition.reason))
            continue
        value = hand.get(condition.what)
        if isinstance(value, int | float) and value > condition.above:
            began_s = since_s.get(condition.what, 0.0)
            due.append((began_s + condition.after_s, condition.reason))
    return min(due, default=None)
