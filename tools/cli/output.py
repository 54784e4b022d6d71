"""How results look: tables on a terminal, tab-separated lines in a pipe, JSON on request.

Owns all formatting. Whatever comes from a server is printed without control characters, so that
a node's name cannot steer the terminal.
"""

import json
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

# Vietnam has one time zone and no daylight saving time.
_ZONE = timezone(timedelta(hours=7))
MISSING = "-"
# What a kind is looked at for first, with the unit that is printed.
_KEY_VALUES: dict[str, tuple[tuple[str, str], ...]] = {
    "streetlight": (("level_percent", "%"), ("lamp_power_w", "W")),
    "smart_bin": (("fill_percent", "%"), ("temperature_c", "°C")),
    "greenhouse": (("air_temperature_c", "°C"), ("relative_humidity_percent", "%")),
    "reservoir": (("level_m", "m"), ("rate_of_rise_m_per_h", "m/h")),
    "control_cabinet": (("power_w", "W"), ("energy_kwh", "kWh")),
}


def clean(value: object) -> str:
    """Any value as text of one line without control characters; None as a dash."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def say(text: str) -> None:
    """One line for the person."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def print_json(value: object) -> None:
    """Data for another program."""
    say(json.dumps(value, ensure_ascii=False, indent=1))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Rows under headings; `empty` is said when there are none."""
    lines = [[clean(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in [[name.lower().replace(" ", "_") for name in columns], *lines]:
            say("\t".join(line))
        return
    if not lines:
        say(empty)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        # What a row is called is typed again in the next command: never broken or shortened.
        width = max(len(line[0]) for line in lines) if index == 0 else None
        table.add_column(name, no_wrap=index == 0, min_width=width)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    Console().print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values below each other."""
    pairs = [(name, clean(value)) for name, value in facts]
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        say(f"{name:<{width}}  {value}")


def local_time(at_s: object) -> str:
    """Unix seconds as the city's local time; a dash for none."""
    if not isinstance(at_s, int | float) or isinstance(at_s, bool):
        return MISSING
    return datetime.fromtimestamp(at_s, _ZONE).strftime("%d/%m/%Y %H:%M:%S")


def short_time(at_s: object) -> str:
    """As `local_time`, without year and seconds, for a list."""
    whole = local_time(at_s)
    return whole if whole == MISSING else f"{whole[:5]} {whole[11:16]}"


def node_state(node: dict[str, Any]) -> str:
    """The state of a node in one word, worst first."""
    if not node.get("online"):
        return "dark" if node.get("mains") is False else "offline"
    if node.get("mains") is False:
        return "dark"
    return "fault" if node.get("faults") else "online"


def key_values(node: dict[str, Any]) -> str:
    """What the node's kind is looked at for first."""
    values: dict[str, Any] = node.get("values") or {}
    wanted = _KEY_VALUES.get(str(node.get("kind")), ())
    found = [f"{values[name]:g} {unit}" for name, unit in wanted if values.get(name) is not None]
    return ", ".join(found) or MISSING


@contextmanager
def progress_bar(title: str, total: int) -> Generator[Callable[[int, str], None]]:
    """A bar on a terminal, a plain line per change elsewhere.

    Gives a function that takes how many are done and a text behind the bar.
    """
    if not sys.stdout.isatty():
        last = [""]

        def plain(done: int, text: str) -> None:
            line = f"{title}: {done}/{total} {text}".rstrip()
            if line != last[0]:
                say(line)
                last[0] = line

        yield plain
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns) as bar:
        task = bar.add_task(title, total=total, text="")

        def live(done: int, text: str) -> None:
            bar.update(task, completed=done, text=clean(text) if text else "")

        yield live
