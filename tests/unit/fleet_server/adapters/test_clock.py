"""The city's clock against the machine's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.adapters.clock import FleetClock, parse_clock
from fleet_server.errors import SettingsError


def test_without_a_choice_the_city_lives_in_machine_time() -> None:
    clock = FleetClock(read=lambda: 1234.9)
    assert (clock.now_s(), clock.system_now_s(), clock.speed) == (1234, 1234, 1.0)


def test_a_fast_city_runs_from_its_reference() -> None:
    now = [1000.0]
    clock = FleetClock(1000.0, 500_000.0, 360.0, lambda: now[0])
    assert clock.now_s() == 500_000
    now[0] += 10.5
    assert (clock.now_s(), clock.system_now_s()) == (500_000 + 3780, 1010)


@given(st.floats(0.001, 100_000), st.lists(st.floats(0, 10**6), min_size=2, max_size=20))
def test_a_city_never_runs_backwards(speed: float, moments: list[float]) -> None:
    now = [0.0]
    clock = FleetClock(0.0, 1e9, speed, lambda: now[0])
    seen: list[int] = []
    for moment in sorted(moments):
        now[0] = moment
        seen.append(clock.now_s())
    assert seen == sorted(seen)


def test_the_setting_is_three_numbers() -> None:
    clock = parse_clock("1000.5,500000,360")
    assert clock.speed == 360
    assert parse_clock("").speed == 1


@pytest.mark.parametrize("text", ["1", "1,2", "1,2,0", "1,2,-1", "1,2,nan", "inf,2,1", "a,b,c"])
def test_any_other_setting_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_clock(text)
