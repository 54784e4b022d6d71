"""Many nodes prepared at once from a list, in pieces that can be gone on with.

    plans = read_batch(Path("nodes.csv"), "streetlight", Path("nodes"))
    for done in prepare_batch(plans, client, token, trust): ...

The list is CSV with the columns node, lat, lon and, where it differs, report_s:

    node,lat,lon,report_s
    pk-sl-001,13.98050,108.00180,
    pk-sl-002,13.98081,108.00195,300

It is checked whole, with the line at fault, before the first key is made. Each piece is enrolled
as a whole or not at all, and a node whose folder has an identity already is left alone: after
a cable, a server or a laptop that failed, the same command goes on.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from protocols.topics import is_node_id
from tools.client.http import FleetClient
from tools.errors import FileError, UsageError
from tools.node.provision import DEFAULT_REPORT_S, MICRODEGREES, Plan, has_identity, prepare

COLUMNS = ("node", "lat", "lon")
OPTIONAL = ("report_s",)
# What a technician's week can carry; a longer list is a wrong file.
NODES = 5000
# One request to the server: some seconds of its time, and what a failure costs at most.
PIECE = 50
DAY_S = 86400


def read_batch(path: Path, kind: str, out: Path) -> list[Plan]:
    """The nodes of a list, each with a folder of its own below `out`.

    Raises:
        FileError: it cannot be read.
        UsageError: a line makes no sense; the message names it.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, strict=True))
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path} is not a CSV file: {error}") from error
    if not rows:
        raise UsageError(f"{path} is empty; its first line names the columns: {','.join(COLUMNS)}")
    header = [name.strip() for name in rows[0]]
    _check_header(path, header)
    plans: list[Plan] = []
    lines: dict[str, int] = {}
    for line, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise UsageError(f"{path}:{line}: {len(row)} columns in place of {len(header)}")
        values = dict(zip(header, (cell.strip() for cell in row), strict=True))
        plan = _plan(f"{path}:{line}", values, kind, out)
        if plan.node in lines:
            raise UsageError(f"{path}:{line}: {plan.node} stands in line {lines[plan.node]} too")
        lines[plan.node] = line
        plans.append(plan)
    if not plans or len(plans) > NODES:
        raise UsageError(f"{path} names {len(plans)} nodes; a batch has 1 to {NODES}")
    return plans


def prepare_batch(
    plans: Sequence[Plan], client: FleetClient, token: str, trust: bytes
) -> Iterator[int]:
    """Makes keys, enrols and writes folders, a piece at a time; gives how many nodes are done.

    Raises:
        RefusedError: the token or a request is not good; what was given before stays.
        FileError: a folder cannot be written.
    """
    missing = [plan for plan in plans if not has_identity(plan.folder)]
    done = len(plans) - len(missing)
    yield done
    for first in range(0, len(missing), PIECE):
        piece = missing[first : first + PIECE]
        prepare(piece, client, token, trust)
        done += len(piece)
        yield done


def _check_header(path: Path, header: list[str]) -> None:
    lacking = [name for name in COLUMNS if name not in header]
    strange = [name for name in header if name not in COLUMNS + OPTIONAL]
    if lacking:
        raise UsageError(f"{path}:1: there is no column {lacking[0]}")
    if strange or len(set(header)) != len(header):
        named = strange[0] if strange else "twice the same"
        raise UsageError(f"{path}:1: column {named!r} is none of {', '.join(COLUMNS + OPTIONAL)}")


def _plan(where: str, values: dict[str, str], kind: str, out: Path) -> Plan:
    node = values["node"]
    if not is_node_id(node):
        raise UsageError(
            f"{where}: {node!r} is no node id: 2 to 31 of a-z, 0-9 and '-', not server-.."
        )
    latitude = _number(where, "lat", values["lat"], 90)
    longitude = _number(where, "lon", values["lon"], 180)
    text = values.get("report_s", "")
    if text and not (text.isdecimal() and 1 <= int(text) <= DAY_S):
        raise UsageError(f"{where}: report_s {text!r} is not 1 to {DAY_S} seconds")
    return Plan(
        node,
        kind,
        out / node,
        round(latitude * MICRODEGREES),
        round(longitude * MICRODEGREES),
        report_s=int(text) if text else DEFAULT_REPORT_S,
    )


def _number(where: str, name: str, text: str, most: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -most <= value <= most:
        raise UsageError(f"{where}: {name} {text!r} is not degrees from -{most} to {most}")
    return value
