"""Measured series -> equal steps of integers that a virtual node can read row by row.

Owns units and alignment: feet to metres, thousandths of each unit, row 0 at a midnight of
the replay. Gaps shorter than an hour are bridged by a line, longer ones stay gaps.
"""

import csv
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from boards.virtual.errors import SettingsError

STEP_S = 300
_BRIDGE_S = 3600
_MISSING = -(1 << 31)
_FOOT_M = 0.3048
_DAY_S = 86400
# A year in steps of five minutes is 2.5 MB for six columns.
_DAYS_MAX = 366
# What fits 32 bits in thousandths; NaN does not.
_MOST = 2_000_000

Row = tuple[float, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Resampled:
    """A series on disk: rows of little-endian 32-bit integers, thousandths of the unit."""

    path: Path
    columns: tuple[str, ...]
    rows: int


def prepare_greenhouse(source: Path, target: Path) -> Resampled:
    """Resample a greenhouse series (columns as in data/README.md), local time.

    Raises:
        SettingsError: the file is not such a series.
    """
    names = {
        "Tair": "air_temperature_c",
        "Rhair": "relative_humidity_percent",
        "CO2air": "co2_ppm",
        "VentLee": "vent_percent",
        "PARin": "par_umol",
        "Tleaf_ridder": "leaf_temperature_c",
    }

    def moment(row: dict[str, str]) -> float:
        parsed = datetime.strptime(row["Date"], "%m/%d/%Y %H:%M").replace(tzinfo=UTC)
        return parsed.timestamp()

    return _prepare(source, target, names, moment, lambda value: value)


def prepare_river(source: Path, target: Path, base_m: float) -> Resampled:
    """Resample a river's stage in feet to a gauge's level in metres above `base_m`.

    Raises:
        SettingsError: the file is not such a series.
    """

    def moment(row: dict[str, str]) -> float:
        return datetime.fromisoformat(row["time_utc"]).timestamp()

    def level_m(stage_ft: float) -> float:
        return base_m + stage_ft * _FOOT_M

    return _prepare(source, target, {"stage_ft": "level_m"}, moment, level_m)


def _prepare(
    source: Path,
    target: Path,
    names: dict[str, str],
    moment: Callable[[dict[str, str]], float],
    convert: Callable[[float], float],
) -> Resampled:
    rows = _read(source, names, moment, convert)
    columns = tuple(names.values())
    data = bytearray()
    # Whole days, so that a replay that begins anew keeps to the hour.
    count = max(1, round((rows[-1][0] - rows[0][0]) / _DAY_S)) * _DAY_S // STEP_S
    curves = {name: [(at, row[name]) for at, row in rows if name in row] for name in columns}
    for index in range(count):
        at_s = rows[0][0] + index * STEP_S
        for name in columns:
            data += struct.pack("<i", _cell(curves[name], at_s))
    target.write_bytes(data)
    return Resampled(target, columns, count)


def _read(
    source: Path,
    names: dict[str, str],
    moment: Callable[[dict[str, str]], float],
    convert: Callable[[float], float],
) -> list[Row]:
    rows: list[Row] = []
    try:
        with source.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                values = {new: convert(float(row[old])) for old, new in names.items() if row[old]}
                if not all(abs(value) <= _MOST for value in values.values()):
                    raise ValueError(f"{row} is out of range")
                rows.append((moment(row), values))
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise SettingsError(f"{source} is not such a series: {error!r}") from error
    except OSError as error:
        raise SettingsError(f"{source}: {error.strerror}") from error
    if len(rows) < 2:
        raise SettingsError(f"{source} has no rows")
    if any(later[0] <= row[0] for row, later in pairwise(rows)):
        raise SettingsError(f"{source} is not in order of time")
    if rows[-1][0] - rows[0][0] > _DAYS_MAX * _DAY_S:
        raise SettingsError(f"{source} is longer than {_DAYS_MAX} days")
    return rows


def _cell(curve: list[tuple[float, float]], at_s: float) -> int:
    """The value at a moment, in thousandths, or the mark of a gap."""
    low, high = 0, len(curve)
    while low < high:
        middle = (low + high) // 2
        if curve[middle][0] <= at_s:
            low = middle + 1
        else:
            high = middle
    before = curve[low - 1] if low else None
    if before is not None and before[0] == at_s:
        return round(before[1] * 1000)
    after = curve[low] if low < len(curve) else None
    if before is None or after is None:
        near = before or after
        ok = near is not None and abs(near[0] - at_s) <= _BRIDGE_S
        return round(near[1] * 1000) if ok and near is not None else _MISSING
    span = after[0] - before[0]
    if span > _BRIDGE_S:
        return _MISSING
    value = before[1] + (after[1] - before[1]) * (at_s - before[0]) / span
    return round(value * 1000)
