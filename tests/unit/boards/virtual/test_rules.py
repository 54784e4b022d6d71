"""The bench's pure rules: mains, endings, what a hand may do."""

import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.virtual.errors import OrderError
from boards.virtual.feeding import Feeding
from boards.virtual.hand import NAMES, checked
from boards.virtual.restart import BACKOFF_S, SLEEP_MAX_S, WELL_AFTER_S, Cause, Restarts
from boards.virtual.settings import NodeSettings
from boards.virtual.waking import Condition, conditions, pin_wake


def node(name: str, feeder: str | None, cabinet: str | None) -> NodeSettings:
    """A node that hangs on these."""
    return NodeSettings(name, Path("."), "streetlight", feeder, cabinet, 0, 0, 420, {})


# A feeder may bear a cabinet's or a node's name: they are different things.
STREET = (
    node("n-1", "f-1", "c-1"),
    node("n-2", "f-1", "c-1"),
    node("n-3", "f-2", "c-1"),
    node("n-4", "c-1", "n-1"),
    node("n-5", None, None),
)
SWITCHES = [
    *[("node", each.id) for each in STREET],
    *[("feeder", name) for name in ("f-1", "f-2", "c-1")],
    *[("cabinet", name) for name in ("c-1", "n-1")],
]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(SWITCHES)), max_size=30))
def test_a_node_has_mains_while_all_its_switches_are_closed(
    steps: list[tuple[bool, tuple[str, str]]],
) -> None:
    feeding = Feeding(STREET)
    opened: set[tuple[str, str]] = set()
    for is_cut, switch in steps:
        behind = (feeding.cut if is_cut else feeding.restore)(*switch)
        (opened.add if is_cut else opened.discard)(switch)
        of = {"node": "id", "feeder": "feeder", "cabinet": "cabinet"}[switch[0]]
        assert behind == [each.id for each in STREET if getattr(each, of) == switch[1]]
        for each in STREET:
            mine = {("node", each.id), ("feeder", each.feeder), ("cabinet", each.cabinet)}
            assert feeding.has_mains(each) == (not mine & opened)


@pytest.mark.parametrize("what", ["node", "feeder", "cabinet"])
def test_a_switch_that_is_not_there_is_refused(what: str) -> None:
    feeding = Feeding(STREET)
    for act in (feeding.cut, feeding.restore):
        with pytest.raises(OrderError, match="no " + what):
            act(what, "nowhere")


def test_a_first_reset_is_quick_and_a_chain_of_them_is_not() -> None:
    restarts = Restarts()
    delays = [restarts.after(75, 0.1, None).delay_s for _ in range(9)]
    assert delays[0] < 0.1
    assert delays[1:] == [*BACKOFF_S[1:], BACKOFF_S[-1], BACKOFF_S[-1]]
    assert restarts.after(75, WELL_AFTER_S, None).delay_s < 0.1


@pytest.mark.parametrize(
    ("code", "cause", "is_crash", "words"),
    [
        (75, Cause.HARD, False, "was reset"),
        (-signal.SIGALRM, Cause.WATCHDOG, False, "watchdog"),
        (0, Cause.HARD, True, "exit code 0"),
        (1, Cause.HARD, True, "exit code 1"),
        (76, Cause.HARD, True, "exit code 76"),
        (77, Cause.HARD, True, "exit code 77"),
        (-signal.SIGSEGV, Cause.HARD, True, "SIGSEGV"),
        (-99, Cause.HARD, True, "signal 99"),
    ],
)
def test_an_ending_means_what_was_agreed(
    code: int, cause: Cause, is_crash: bool, words: str
) -> None:
    restart = Restarts().after(code, 5.0, None)
    assert (restart.cause, restart.is_crash) == (cause, is_crash)
    assert words in restart.text


@given(st.floats(allow_nan=False))
def test_a_sleep_is_bounded(sleep_ms: float) -> None:
    restart = Restarts().after(77, 1.0, sleep_ms)
    assert restart.cause is Cause.DEEP_SLEEP
    assert 0 < restart.delay_s <= SLEEP_MAX_S


def test_a_sleep_without_a_time_ends_by_a_pin_only() -> None:
    assert Restarts().after(77, 1.0, 0).delay_s == SLEEP_MAX_S


@pytest.mark.parametrize(
    ("hand", "due"),
    [
        ({}, None),
        ({"tilt": 45}, None),
        ({"tilt": 46}, (101.0, 3)),
        ({"fire": True}, (5.0, 2)),
        ({"tilt": 46, "fire": True}, (5.0, 2)),
        ({"tilt": "much"}, None),
    ],
)
def test_a_pin_wakes_when_what_raises_it_has_lasted(hand: dict[str, Any], due: Any) -> None:
    armed = conditions([["tilt", 45, 10000, 3], ["fire", 0, 0, 2]], speed=10)
    assert armed == (Condition("tilt", 45.0, 1.0, 3), Condition("fire", 0.0, 0.0, 2))
    assert pin_wake(armed, hand, {"tilt": 100.0, "fire": 5.0}) == due


def test_a_pin_that_is_high_already_wakes_at_once() -> None:
    assert pin_wake(conditions([["", 0, 0, 3]], 1), {}, {}) == (0.0, 3)


@given(st.recursive(st.none() | st.text() | st.floats() | st.integers(), st.lists, max_leaves=9))
def test_nonsense_about_pins_arms_nothing(said: Any) -> None:
    assert pin_wake(conditions(said, 360), {}, {}) in (None, (0.0, 3)) or isinstance(said, list)


PARTS: dict[str, Any] = {"meter": {"bus": "uart2"}, "tilt": {"bus": "i2c0"}}


@pytest.mark.parametrize(
    ("what", "value", "result"),
    [
        ("tilt", 30, 30),
        ("tilt", 0, 0),
        ("fill", 99.5, 99.5),
        ("fire", True, True),
        ("fire", False, None),
        ("tilt", None, None),
        ("tilt", False, None),
        ("lamp", "broken", "broken"),
        ("modem", "hang", "hang"),
        ("modem", False, None),
        ("cable", "out", "out"),
        ("wifi_key", "right horse", "right horse"),
        ("sensor_fault", "meter", {"part": "meter", "fault": "silent"}),
        ("sensor_fault", "meter:crc", {"part": "meter", "fault": "crc"}),
        ("sensor_fault", {"part": "tilt"}, {"part": "tilt", "fault": "silent"}),
        ("sensor_fault", "meter:garbage", {"part": "meter", "fault": "garbage"}),
        ("sensor_fault", "tilt:bus", {"part": "tilt", "fault": "bus"}),
        ("sensor_fault", False, None),
    ],
)
def test_a_hand_sets_what_makes_sense(what: str, value: Any, result: Any) -> None:
    found = checked(what, value, PARTS)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("moon", 1),
        ("tilt", True),
        ("tilt", "30"),
        ("tilt", 181),
        ("tilt", float("nan")),
        ("fill", -1),
        ("fire", 1),
        ("lamp", "green"),
        ("lamp", ["broken"]),
        ("modem", "broken"),
        ("cable", True),
        ("wifi_key", ""),
        ("wifi_key", 5),
        ("sensor_fault", "fill"),
        ("sensor_fault", "meter:lazy"),
        ("sensor_fault", "meter:bus"),
        ("sensor_fault", "tilt:garbage"),
        ("sensor_fault", {"part": ["meter"]}),
        ("sensor_fault", {"part": "meter", "fault": ["crc"]}),
    ],
)
def test_a_hand_is_told_what_makes_no_sense(what: str, value: Any) -> None:
    with pytest.raises(OrderError):
        checked(what, value, PARTS)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@given(st.sampled_from(NAMES), ANYTHING)
def test_any_value_is_taken_or_refused(what: str, value: Any) -> None:
    try:
        checked(what, value, PARTS)
    except OrderError as error:
        assert str(error)
