"""A scenario: orders to a bench at moments of the city's clock, from a file.

    # storm.toml
    [[step]]
    after_s = 600                 # city seconds after the start
    do = "cut_feeder"
    feeder = "pk-fd-2"

    [[step]]
    after_s = 4200
    do = "restore_feeder"
    feeder = "pk-fd-2"

Checked whole before the first step: a name that is not there costs no half-played night. Steps
are played in the order of their moments, equal ones in the order of the file. With the seed of
bench.json the same scenario finds the same chance, so a failure can be played again.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from boards.virtual.bench import Bench
from boards.virtual.errors import OrderError, SettingsError
from boards.virtual.orders import Order, carry_out, parse
from boards.virtual.settings import BenchSettings

# Ten years of city time; a larger number is a mistake of units.
AFTER_MAX_S = 10 * 366 * 86400
STEPS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Step:
    """One order and its moment, city seconds after the start."""

    after_s: float
    order: Order


def read_scenario(path: Path, settings: BenchSettings) -> list[Step]:
    """The steps of a file, in the order in which they are played.

    Raises:
        SettingsError: it cannot be read, or a step makes no sense on this bench.
    """
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    strange = sorted(table.keys() - {"step"})
    if strange:
        raise SettingsError(f"{path}: unknown {strange[0]!r}; a scenario is a list of [[step]]")
    items: object = table.get("step", [])
    if not isinstance(items, list):
        raise SettingsError(f"{path}: step must be written [[step]]")
    steps = cast("list[object]", items)
    if steps and not settings.clock.speed:
        raise SettingsError(f"{path}: the city's clock stands still, so no step would ever come")
    if len(steps) > STEPS_MAX:
        raise SettingsError(f"{path}: more than {STEPS_MAX} steps")
    found = [_step(f"{path}: step {at}", each, settings) for at, each in enumerate(steps, 1)]
    return sorted(found, key=lambda step: step.after_s)


async def play(bench: Bench, steps: list[Step], speed: float, say: Callable[[str], None]) -> None:
    """Plays the steps at their moments.

    Args:
        bench: whom the orders are for.
        steps: in the order of their moments.
        speed: how fast the city's clock runs.
        say: is told each step when it is played.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for step in steps:
        # From the start, not from the last step: what a step costs does not add up.
        await asyncio.sleep(began_s + step.after_s / speed - loop.time())
        carry_out(bench, step.order)
        order = step.order
        change = f" {order.what} = {order.value}" if order.what else ""
        say(f"{step.after_s:.0f} s: {order.verb} {order.kind} {order.name}{change}")


def _step(where: str, item: object, settings: BenchSettings) -> Step:
    if not isinstance(item, dict):
        raise SettingsError(f"{where}: must be a table")
    table = cast("Mapping[str, Any]", item)
    after_s = table.get("after_s")
    is_number = isinstance(after_s, int | float) and not isinstance(after_s, bool)
    if not is_number or not 0 <= cast("float", after_s) <= AFTER_MAX_S:
        raise SettingsError(f"{where}: after_s must be city seconds from 0 to {AFTER_MAX_S}")
    try:
        return Step(float(cast("float", after_s)), parse(table, settings))
    except OrderError as error:
        raise SettingsError(f"{where}: {error}") from error
