"""The city clock of the demo never runs backwards, whatever happens between two runs."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.demo.clock import (
    CRASH_MARGIN_S,
    HEARTBEAT_S,
    CityClock,
    city_text,
    continued_clock,
    first_clock,
    keep_clock,
    speed_text,
)
from tools.errors import FileError, UsageError

# 20/11/2025 00:00:00 UTC, which is seven in the morning in Vietnam.
NOW_S = 1763596800


def test_a_new_demo_begins_at_half_past_four_of_today() -> None:
    clock = first_clock(NOW_S + 0.7, 360)
    assert city_text(clock.city_ref_s) == "20/11/2025 16:30"
    # Shortly after midnight in Vietnam it is still yesterday in UTC.
    assert city_text(first_clock(NOW_S + 17.5 * 3600, 1).city_ref_s) == "21/11/2025 16:30"


def test_a_night_passes_in_two_minutes() -> None:
    clock = first_clock(NOW_S, 360)
    assert clock.at(NOW_S + 120) - clock.at(NOW_S) == 12 * 3600
    assert speed_text(360).endswith("a night of 12 hours takes 2 minutes")
    assert speed_text(1) == "the city clock runs at real time"


def test_the_server_gets_the_three_numbers() -> None:
    assert CityClock(1, 2, 3).argument() == "1,2,3"


def test_a_stopped_demo_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    clock = continued_clock(path, NOW_S, 360)
    keep_clock(path, clock, NOW_S + 100.5, stopped=True)
    again = continued_clock(path, NOW_S + 90000, 360)
    assert 0 < again.at(NOW_S + 90000) - clock.at(NOW_S + 100.5) <= 2


def test_after_a_crash_the_clock_is_ahead_of_all_that_was_seen(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    clock = continued_clock(path, NOW_S, 3600)
    keep_clock(path, clock, NOW_S + 50, stopped=False)
    seen_last = clock.at(NOW_S + 50 + HEARTBEAT_S + 1)
    assert CRASH_MARGIN_S >= HEARTBEAT_S + 1
    assert continued_clock(path, NOW_S + 60, 1).city_ref_s >= seen_last


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 60, 360, 3600]),
            st.floats(min_value=-86400, max_value=86400),
            st.floats(min_value=0, max_value=7200),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_never_backwards(runs: list[tuple[int, float, float, bool]]) -> None:
    """Whatever the speeds, whenever the machine's own clock jumps, however a run ends."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "clock.json"
        last_s = 0.0
        real_s = float(NOW_S)
        for speed, pause_s, length_s, stopped in runs:
            real_s += pause_s
            clock = continued_clock(path, real_s, speed)
            assert clock.at(real_s) >= last_s
            real_s += length_s
            keep_clock(path, clock, real_s, stopped=stopped)
            last_s = clock.at(real_s)


@pytest.mark.parametrize("speed", [0, -1, 3601])
def test_a_speed_out_of_range_is_refused(tmp_path: Path, speed: int) -> None:
    with pytest.raises(UsageError):
        continued_clock(tmp_path / "clock.json", NOW_S, speed)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"city_s": "x", "speed": 1, "stopped": true}'])
def test_a_damaged_clock_is_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clock.json"
    path.write_text(text)
    with pytest.raises(FileError):
        continued_clock(path, NOW_S, 360)
