"""The short way to write a dimming step."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.cli.steps import parse_step, step_text
from tools.errors import UsageError


@pytest.mark.parametrize(
    ("text", "anchor", "time", "offset_min", "level", "ramp_s"),
    [
        ("sunset=100", "sunset", None, 0, 100, 0),
        ("23:00=40", "clock", "23:00", 0, 40, 0),
        ("5:30=0%", "clock", "05:30", 0, 0, 0),
        ("sunrise-15=0/60", "sunrise", None, -15, 0, 60),
        (" sunset +30 = 80 / 5s ", "sunset", None, 30, 80, 5),
    ],
)
def test_steps(
    text: str, anchor: str, time: str | None, offset_min: int, level: int, ramp_s: int
) -> None:
    expected = {"anchor": anchor, "time": time, "offset_min": offset_min}
    assert parse_step(text) == {**expected, "level": level, "ramp_s": ramp_s}


@pytest.mark.parametrize("text", ["", "sunset", "noon=5", "23:00", "=40", "23=40", "sunset=x"])
def test_what_is_no_step_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="sunset=100"):
        parse_step(text)


sun_steps = st.fixed_dictionaries(
    {
        "anchor": st.sampled_from(["sunset", "sunrise"]),
        "time": st.none(),
        "offset_min": st.integers(-360, 360),
    }
)
clock_steps = st.fixed_dictionaries(
    {
        "anchor": st.just("clock"),
        "time": st.times().map(lambda time: time.strftime("%H:%M")),
        "offset_min": st.just(0),
    }
)


@given(st.one_of(sun_steps, clock_steps), st.integers(0, 100), st.integers(0, 3600))
def test_a_step_survives_being_written_and_read(
    step: dict[str, Any], level: int, ramp_s: int
) -> None:
    whole = {**step, "level": level, "ramp_s": ramp_s}
    assert parse_step(step_text(whole)) == whole
