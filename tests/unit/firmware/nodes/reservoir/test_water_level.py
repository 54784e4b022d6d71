"""A gauge's judgement of its water: levels with hysteresis, the rise, and two sensors."""

from hypothesis import given
from hypothesis import strategies as st

from firmware.nodes.reservoir.water_level import (
    LevelSource,
    RateOfRise,
    disagree,
    flood_level,
    is_urgent,
)

LIMITS_MM = (6000, 7000, 8000)


class Gauge:
    """A sensor whose reading is the level itself, calibrated for ten metres."""

    span = (0, 10000)

    def place(self, config: dict[str, object]) -> None:
        """The site agrees with the board."""

    def level_mm(self, raw: int) -> int:
        """The level of a reading."""
        return raw


@given(st.integers(-1000, 20000), st.integers(0, 3))
def test_a_flood_level_stands_from_its_limit_until_well_below_it(level_mm: int, was: int) -> None:
    found = flood_level(level_mm, LIMITS_MM, was)
    plain = sum(level_mm >= limit for limit in LIMITS_MM)
    assert plain <= found <= max(plain, was)
    if found > plain:
        assert level_mm >= LIMITS_MM[found - 1] - 50


@given(st.lists(st.integers(5960, 6040), min_size=2))
def test_waves_about_a_limit_change_the_level_once(levels: list[int]) -> None:
    stands = 0
    seen = [stands := flood_level(level, LIMITS_MM, stands) for level in levels]
    assert seen == sorted(seen)


def test_an_alarm_or_a_quick_rise_is_urgent_and_half_the_rise_ends_it() -> None:
    assert is_urgent(1, None, False, 300)
    assert is_urgent(0, 300, False, 300)
    assert not is_urgent(0, 299, False, 300)
    assert is_urgent(0, 150, True, 300)
    assert not is_urgent(0, 149, True, 300)
    assert not is_urgent(0, None, True, 300)


@given(st.integers(-2000, 2000), st.integers(0, 100000))
def test_a_steady_rise_is_found(mm_per_h: int, start_s: int) -> None:
    rate = RateOfRise()
    found = None
    for step in range(60):
        found = rate.take(start_s + step * 120, 5000 + step * 120 * mm_per_h // 3600)
        assert (found is None) == (step * 120 < 600)
    assert found is not None and abs(found - mm_per_h) <= 4


def test_a_clock_that_was_set_back_begins_anew() -> None:
    rate = RateOfRise()
    rate.take(10000, 5000)
    assert rate.take(11000, 5100) == 360
    assert rate.take(500, 5200) is None
    rate.clear()
    assert rate.take(20000, 5000) is None


def test_single_failures_and_wild_echoes_change_nothing() -> None:
    source = LevelSource(Gauge(), "level_sensor_failure", {})
    assert source.take(None, False) is None
    for raw in (5000, 5001, 4999, 5000):
        source.take(raw, False)
    assert source.take(9999, False) == 5000
    assert source.take(None, False) == 5000
    assert not source.is_out_of_span()
    assert source.take(None, True) is None
    assert source.take(10001, False) == 10001
    assert source.is_out_of_span()
    assert not LevelSource(None, "backup_sensor_failure", {}).is_out_of_span()


def test_two_sensors_disagree_beyond_ten_centimetres() -> None:
    assert not disagree([5000, 5100])
    assert disagree([5101, 5000])
