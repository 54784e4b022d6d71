"""Sunrise and sunset against libastro over ten years, in doubles and in a chip's 32-bit floats."""

from pathlib import Path
from typing import Any, cast

import pytest

from protocols import sun as doubles
from tests.budgets.limits import (
    SUN_DAYS,
    SUN_FIRST_DAY,
    SUN_HEIGHT_DEG,
    SUN_S,
    SUN_SLOPE_DEG_PER_S,
)
from tests.budgets.single import Single, load_single
from tests.budgets.sky import Sky

PLACES = {
    "Pleiku": (13983000, 108000000),
    "Da Lat": (11941600, 108445000),
    "Hue": (16463700, 107590000),
    "Helsinki": (60169900, 24938400),
}
TROMSO = (69649200, 18955300)
RISE, SET = 0, 1


@pytest.fixture(scope="module", params=["doubles", "singles"])
def sun(request: pytest.FixtureRequest, repository: Path) -> Any:
    """protocols/sun.py as the server and as an ESP32 computes it."""
    if request.param == "doubles":
        return doubles
    return load_single(repository / "protocols" / "sun.py")


@pytest.mark.parametrize("place", PLACES)
def test_lamps_switch_within_five_seconds_of_the_sun(place: str, sun: Any) -> None:
    latitude, longitude = PLACES[place]
    sky = Sky(latitude, longitude)
    # Singles are slow on CPython: every third day shows each season of each year.
    for day in range(SUN_FIRST_DAY, SUN_FIRST_DAY + SUN_DAYS, 1 if sun is doubles else 3):
        noon_s = noon_of(day, longitude)
        rise_s, set_s = sun.rise_set(day, latitude, longitude)
        assert noon_s - 43200 < rise_s < noon_s < set_s < noon_s + 43200, (place, day)
        assert is_between(sky, rise_s, 1), (place, day, "rise", sky.height_deg(rise_s))
        assert is_between(sky, set_s, -1), (place, day, "set", sky.height_deg(set_s))


def test_beyond_the_polar_circle_the_height_is_right(sun: Any) -> None:
    sky = Sky(*TROMSO)
    seen = {"event": 0, "steep": 0, "none": 0}
    for day in range(SUN_FIRST_DAY, SUN_FIRST_DAY + SUN_DAYS):
        noon_s = noon_of(day, TROMSO[1])
        for side, at_s in enumerate(sun.rise_set(day, *TROMSO)):
            if at_s is None:
                seen["none"] += 1
                assert stays_away(sky, noon_s, side), (day, side)
                continue
            seen["event"] += 1
            assert abs(at_s - noon_s) < 43200 + 7200
            assert abs(sky.height_deg(at_s)) <= SUN_HEIGHT_DEG, (day, side)
            way = 1 if side == RISE else -1
            if way * sky.slope_deg_per_s(at_s) >= SUN_SLOPE_DEG_PER_S:
                seen["steep"] += 1
                assert is_between(sky, at_s, way), (day, side)
    # Two months of night and two of day each year; the days that glide are few.
    assert seen["none"] > 2 * 100 * 10
    assert seen["steep"] > 0.99 * seen["event"] > 4800


def test_a_polar_day_is_told_from_a_polar_night(sun: Any) -> None:
    sky = Sky(*TROMSO)
    days = {True: 0, False: 0}
    for day in range(SUN_FIRST_DAY, SUN_FIRST_DAY + SUN_DAYS):
        if None in sun.rise_set(day, *TROMSO):
            is_day = sun.is_polar_day(day, TROMSO[0])
            days[is_day] += 1
            # At noon of a polar day it stands high, of a polar night at the horizon at most.
            assert is_day == (sky.height_deg(noon_of(day, TROMSO[1])) > 20), day
    assert min(days.values()) > 480


def test_singles_and_doubles_differ_by_a_second_at_most(repository: Path) -> None:
    singles = load_single(repository / "protocols" / "sun.py")
    for latitude, longitude in [*PLACES.values(), TROMSO]:
        for day in range(SUN_FIRST_DAY, SUN_FIRST_DAY + SUN_DAYS, 11):
            pairs = zip(
                doubles.rise_set(day, latitude, longitude),
                singles.rise_set(day, latitude, longitude),
                strict=True,
            )
            for wide, narrow in pairs:
                assert (wide is None) == (narrow is None), day
                assert wide is None or abs(wide - narrow) <= 1, day


def test_single_precision_is_really_single(repository: Path) -> None:
    # A Julian date in 32 bits steps by a quarter of a day, unix seconds by 128.
    assert (Single(2461000.4) + 0).value == 2461000.5
    assert Single(1767222712.0).value == 1767222656.0
    with pytest.raises(TypeError):
        Single(1.0).__mul__(cast(Any, 1.5))
    singles = load_single(repository / "protocols" / "sun.py")
    assert isinstance(singles._position(9700, Single(1.0), Single(0.0))[0], Single)


def is_between(sky: Sky, at_s: int, way: int) -> bool:
    """Whether the sun crosses the horizon, upwards (1) or downwards (-1), within SUN_S."""
    before, after = sky.height_deg(at_s - SUN_S), sky.height_deg(at_s + SUN_S)
    return way * before <= 0 <= way * after


def stays_away(sky: Sky, noon_s: float, side: int) -> bool:
    """Whether the half-day before (RISE) or after noon really has no crossing to speak of."""
    middle_s = noon_s - 43200 if side == RISE else noon_s + 43200
    highest = sky.height_deg(sky.turning_s(noon_s, 1))
    lowest = sky.height_deg(sky.turning_s(middle_s, -1))
    return highest < SUN_HEIGHT_DEG or lowest > -SUN_HEIGHT_DEG


def noon_of(day: int, longitude_udeg: int) -> float:
    """Mean solar noon of a day since 2000-01-01 in unix seconds."""
    return doubles.EPOCH_S + day * doubles.DAY_S + 43200 - longitude_udeg * 240 / 1000000
