"""The level of a lamp: nights, Tet, ramps and overrides."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import schedule, sun
from protocols.errors import ProtocolError

PLEIKU = (13983000, 108000000)
DAY_S = 86400
ANCHORS = st.one_of(
    st.tuples(st.just(schedule.CLOCK), st.integers(0, 1439)),
    st.tuples(st.sampled_from([schedule.SUNSET, schedule.SUNRISE]), st.integers(-360, 360)),
)
STEP = st.tuples(ANCHORS, st.integers(0, 100), st.integers(0, 3600)).map(
    lambda drawn: [*drawn[0], drawn[1], drawn[2]]
)
RULE = st.tuples(
    st.integers(0, 1),
    st.integers(0, 127),
    st.none() | st.integers(9000, 11000),
    st.none() | st.integers(9000, 11000),
).map(list)
CALENDARS = st.fixed_dictionaries(
    {
        "programs": st.lists(st.lists(STEP, max_size=6), min_size=2, max_size=2),
        "rules": st.lists(RULE, max_size=4),
        "utc_offset_min": st.sampled_from([420, 0, -600, 765]),
    }
)
TIMES = st.integers(1750000000, 1900000000)


@given(CALENDARS, TIMES)
def test_any_calendar_gives_one_level_at_any_time(calendar: dict[str, Any], at_s: int) -> None:
    schedule.check_calendar(calendar)
    level, program, step = schedule.level_at(calendar, at_s, *PLEIKU)
    assert 0 <= level <= 100
    assert (program == -1) == (step == -1)


@given(CALENDARS, TIMES)
def test_a_plan_is_in_order_and_stays_within_its_night(calendar: dict[str, Any], at_s: int) -> None:
    night = schedule.night_of(calendar, at_s)
    plan = schedule.night_plan(calendar, night, *PLEIKU)
    times = [entry[0] for entry in plan]
    assert times == sorted(times)
    assert times[0] <= at_s < times[0] + DAY_S
    assert times[-1] < times[0] + DAY_S


@given(CALENDARS, TIMES)
def test_noon_changes_nothing_but_ramps(calendar: dict[str, Any], at_s: int) -> None:
    night = schedule.night_of(calendar, at_s)
    plan = schedule.night_plan(calendar, night, *PLEIKU)
    following = schedule.night_plan(calendar, night + 1, *PLEIKU)
    assert following[0][1] == plan[-1][1] or len(plan) == 1


def test_a_lamp_comes_back_right_after_any_outage() -> None:
    calendar: dict[str, object] = {
        "programs": [[[1, 0, 100, 0], [0, 1380, 40, 0], [2, 0, 0, 0]]],
        "rules": [[0, 127, None, None]],
        "utc_offset_min": 420,
    }
    noon_s = 1771131600
    levels = [schedule.level_at(calendar, noon_s + 60 * m, *PLEIKU)[0] for m in range(1440)]
    changes = [m for m in range(1, 1440) if levels[m] != levels[m - 1]]
    assert [levels[m] for m in changes] == [100, 40, 0]
    assert changes[1] == 660
    # In Pleiku in February the sun sets about 17:53 and rises about 06:15.
    assert 345 <= changes[0] <= 365
    assert 1085 <= changes[2] <= 1105


def test_a_ramp_moves_evenly_and_starts_where_the_lamp_was() -> None:
    plan = [(0, 0, 0, -1, -1), (1000, 100, 100, 0, 0), (1050, 0, 100, 0, 1)]
    assert [schedule.level_in(plan, at) for at in (999, 1000, 1025, 1049)] == [0, 0, 25, 49]
    assert [schedule.level_in(plan, at) for at in (1050, 1100, 1150, 1151)] == [50, 25, 0, 0]


def test_the_first_rule_that_fits_decides() -> None:
    night = 9543
    calendar: dict[str, Any] = {
        "programs": [[[0, 1200, 100, 0]], [[0, 1200, 30, 0]]],
        "rules": [[0, 127, night, night], [1, 127, None, None]],
        "utc_offset_min": 420,
    }
    evening_s = sun.EPOCH_S + night * DAY_S + 20 * 3600 - 420 * 60
    assert schedule.level_at(calendar, evening_s, *PLEIKU) == (100, 0, 0)
    assert schedule.level_at(calendar, evening_s + DAY_S, *PLEIKU) == (30, 1, 0)
    # Until the next evening the exception's last level holds, past midnight and noon.
    assert schedule.level_at(calendar, evening_s + DAY_S - 1, *PLEIKU) == (100, 0, 0)


def test_an_override_ends_by_itself() -> None:
    override = {"level": 70, "from_s": 100, "until_s": 200}
    assert [schedule.override_level(override, at) for at in (99, 100, 199, 200)] == [
        None,
        70,
        70,
        None,
    ]
    assert schedule.override_level(None, 5) is None


BROKEN: list[dict[str, Any]] = [
    {"programs": None},
    {"programs": [[[0, 1440, 1, 0]]]},
    {"programs": [[[3, 0, 1, 0]]]},
    {"programs": [[[1, 361, 1, 0]]]},
    {"programs": [[[1, 0, 101, 0]]]},
    {"programs": [[[1, 0, 1, 3601]]]},
    {"programs": [[[1, 0, 1.5, 0]]]},
    {"programs": [[]] * 17},
    {"programs": [[[0, 0, 0, 0]] * 25]},
    {"rules": [[1, 127, None, None]]},
    {"rules": [[0, 128, None, None]]},
    {"rules": [[0, 127, -1, None]]},
    {"rules": [[0, 127, None, None]] * 65},
    {"utc_offset_min": 900},
    {"utc_offset_min": True},
]


@pytest.mark.parametrize("change", BROKEN)
def test_a_calendar_that_cannot_be_followed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        schedule.check_calendar({**schedule.DEFAULT_CALENDAR, **change})
