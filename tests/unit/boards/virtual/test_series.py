"""Measured series become equal steps, in the units and at the hours that a node replays."""

import struct
from pathlib import Path

import pytest

from boards.virtual.errors import SettingsError
from boards.virtual.series import STEP_S, Resampled, prepare_greenhouse, prepare_river

MISSING = -(1 << 31)
RIVER_HEAD = "time_utc,stage_ft,discharge_cfs\n"


def column(made: Resampled, name: str) -> list[int]:
    """One column of what was written."""
    width = len(made.columns)
    raw = made.path.read_bytes()
    assert len(raw) == 4 * width * made.rows
    values = struct.unpack(f"<{width * made.rows}i", raw)
    return list(values[made.columns.index(name) :: width])


def test_the_shipped_river_is_whole_days_of_metres(repository: Path, tmp_path: Path) -> None:
    source = repository / "boards" / "virtual" / "data" / "river.csv"
    made = prepare_river(source, tmp_path / "out", 5.0)
    assert made.rows * STEP_S == 5 * 86400
    levels = column(made, "level_m")
    assert levels[0] == round(5000 + 0.93 * 304.8)
    # The flood of 6.17 ft.
    assert max(levels) == round(5000 + 6.17 * 304.8)
    assert MISSING not in levels


def test_the_shipped_greenhouse_keeps_its_hours_and_its_gap(
    repository: Path, tmp_path: Path
) -> None:
    source = repository / "boards" / "virtual" / "data" / "greenhouse.csv"
    made = prepare_greenhouse(source, tmp_path / "out")
    assert made.rows * STEP_S == 4 * 86400
    assert column(made, "air_temperature_c")[0] == 12900
    light = column(made, "par_umol")
    by_day = 86400 // STEP_S
    assert min(light[day * by_day + by_day // 2] for day in range(4)) > 20_000
    # Later nights have the growing lamps on.
    assert light[by_day // 24] == 0
    leaf = column(made, "leaf_temperature_c")
    assert leaf[0] == MISSING
    assert MISSING not in leaf[by_day:]


def test_between_two_moments_a_line_is_drawn_and_over_a_long_gap_none(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    rows = ["2018-06-01T00:00:00Z,0,", "2018-06-01T00:10:00Z,10,", "2018-06-01T06:00:00Z,20,"]
    source.write_text(RIVER_HEAD + "\n".join(rows) + "\n")
    levels = column(prepare_river(source, tmp_path / "out", 0.0), "level_m")
    assert len(levels) == 86400 // STEP_S
    assert levels[:3] == [0, 1524, 3048]
    assert levels[3] == MISSING
    assert levels[72] == 6096
    assert levels[200] == MISSING


@pytest.mark.parametrize(
    "text",
    [
        "",
        RIVER_HEAD,
        RIVER_HEAD + "2018-06-01T00:00:00Z,1,\n",
        "time,stage\n1,2\n3,4\n",
        RIVER_HEAD + "yesterday,1,\ntoday,2,\n",
        RIVER_HEAD + "2018-06-01T00:00:00Z,high,\n2018-06-01T00:05:00Z,1,\n",
        RIVER_HEAD + "2018-06-01T00:00:00Z,1,\n2018-06-01T00:05:00Z,nan,\n",
        RIVER_HEAD + "2018-06-01T00:00:00Z,1,\n2018-06-01T00:05:00Z,1e9,\n",
        RIVER_HEAD + "2018-06-01T00:00:00Z,1,\n2118-06-01T00:05:00Z,1,\n",
        RIVER_HEAD + "2018-06-02T00:00:00Z,1,\n2018-06-01T00:05:00Z,1,\n",
    ],
)
def test_what_is_no_such_series_is_refused(tmp_path: Path, text: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text(text)
    with pytest.raises(SettingsError, match=r"in\.csv"):
        prepare_river(source, tmp_path / "out", 0.0)
    assert not (tmp_path / "out").exists()


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(RIVER_HEAD.encode() + b"\xff\xfe,1,\n\0,2,\n")
    with pytest.raises(SettingsError, match=r"in\.csv"):
        prepare_river(source, tmp_path / "out", 0.0)
    with pytest.raises(SettingsError, match="nowhere"):
        prepare_greenhouse(tmp_path / "nowhere", tmp_path / "out")
