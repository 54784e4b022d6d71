"""What the reports of a node say, alone or in batches, by name."""

from typing import Any, cast

from protocols.fields import fault_names, named
from tests.unit.firmware.lab.servers import Heard, Server


def rows_of(message: Heard) -> list[dict[str, Any]]:
    """The values of each report in a message, with `boot`, `at_s` and `fault_names`."""
    kind, boot, _, *rest = message.parts
    if message.channel == "report":
        rows = [(rest[0], rest[1])]
    elif message.channel == "batch":
        rows = rest[0]
    else:
        return []
    found: list[dict[str, Any]] = []
    for at_s, scaled in rows:
        values: dict[str, Any] = named(kind, scaled)
        faults = fault_names(kind, values["faults"])
        found.append(values | {"boot": boot, "at_s": at_s, "fault_names": faults})
    return found


def all_rows(heard: list[Heard]) -> list[dict[str, Any]]:
    """Every report heard so far, in the order of its moment."""
    rows = [row for message in list(heard) for row in rows_of(message)]
    return sorted(rows, key=lambda row: row["at_s"])


def wait_row(server: Server, timeout_s: float = 30.0, **wanted: Any) -> dict[str, Any]:
    """The first report that fits: name=value, or name=(low, high)."""

    def fits(row: dict[str, Any]) -> bool:
        for name, value in wanted.items():
            if row[name] is None and value is not None:
                return False
            if isinstance(value, tuple):
                low, high = cast("tuple[float, float]", value)
                if not low <= row[name] <= high:
                    return False
            elif row[name] != value:
                return False
        return True

    message = server.wait(lambda message: any(map(fits, rows_of(message))), timeout_s)
    return next(row for row in rows_of(message) if fits(row))
