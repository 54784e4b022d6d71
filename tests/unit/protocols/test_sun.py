"""Sunrise and sunset where no table stands: order, symmetry and the poles."""

from hypothesis import given
from hypothesis import strategies as st

from protocols import sun

DAYS = st.integers(7000, 20000)


@given(DAYS, st.integers(-60000000, 60000000), st.integers(-180000000, 180000000))
def test_the_sun_rises_before_it_sets(day: int, latitude: int, longitude: int) -> None:
    rise_s, set_s = sun.rise_set(day, latitude, longitude)
    assert rise_s is not None and set_s is not None
    assert 4 * 3600 < set_s - rise_s < 20 * 3600


@given(DAYS, st.integers(-60000000, 60000000), st.integers(-180000000, 180000000))
def test_the_next_day_differs_by_minutes(day: int, latitude: int, longitude: int) -> None:
    today, _ = sun.rise_set(day, latitude, longitude)
    tomorrow, _ = sun.rise_set(day + 1, latitude, longitude)
    assert today is not None and tomorrow is not None
    assert abs(tomorrow - today - 86400) < 300


def test_midsummer_and_midwinter_in_the_far_north() -> None:
    assert sun.rise_set(9668, 78000000, 15000000) == (None, None)
    assert sun.is_polar_day(9668, 78000000)
    assert sun.rise_set(9851, 78000000, 15000000) == (None, None)
    assert not sun.is_polar_day(9851, 78000000)
