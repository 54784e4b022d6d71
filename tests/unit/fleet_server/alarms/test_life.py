"""The table of an alarm's life, walked at random."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleet_server.alarms.errors import AlarmLifeError
from fleet_server.alarms.life import ACTIVE_STATES, ALARM_LIFE, NEW, step

EVENTS = ["raise", "update", "escalate", "acknowledge", "clear", "absorb"]


@given(st.sampled_from(sorted(ALARM_LIFE)), st.sampled_from([*EVENTS, "no such event"]))
def test_what_the_table_does_not_name_is_an_error(state: str, event: str) -> None:
    if event in ALARM_LIFE[state]:
        assert step(state, event) in ALARM_LIFE
    else:
        with pytest.raises(AlarmLifeError):
            step(state, event)


def test_every_state_is_reached_from_new() -> None:
    reached, frontier = {NEW}, [NEW]
    while frontier:
        for target in ALARM_LIFE[frontier.pop()].values():
            if target not in reached:
                reached.add(target)
                frontier.append(target)
    assert reached == set(ALARM_LIFE)


class AlarmLife(RuleBasedStateMachine):
    """An alarm beside a plain model of two facts: is it active, has somebody seen it."""

    @initialize()
    def raised(self) -> None:
        self.state = step(NEW, "raise")
        self.active, self.seen = True, False

    @precondition(lambda self: self.active)
    @rule()
    def update(self) -> None:
        self.state = step(self.state, "update")

    @precondition(lambda self: self.active)
    @rule()
    def escalate(self) -> None:
        self.state = step(self.state, "escalate")
        self.seen = False

    @precondition(lambda self: not self.seen)
    @rule()
    def acknowledge(self) -> None:
        self.state = step(self.state, "acknowledge")
        self.seen = True

    @precondition(lambda self: self.seen)
    @rule()
    def acknowledge_twice(self) -> None:
        with pytest.raises(AlarmLifeError):
            step(self.state, "acknowledge")

    @precondition(lambda self: self.active)
    @rule()
    def clear(self) -> None:
        self.state = step(self.state, "clear")
        self.active = False

    @precondition(lambda self: self.active)
    @rule()
    def absorb(self) -> None:
        self.state = step(self.state, "absorb")
        self.active, self.seen = False, True

    @precondition(lambda self: not self.active)
    @rule(event=st.sampled_from(["raise", "update", "escalate", "clear", "absorb"]))
    def over(self, event: str) -> None:
        with pytest.raises(AlarmLifeError):
            step(self.state, event)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "state"):
            assert (self.state in ACTIVE_STATES) == self.active
            assert self.state.endswith("unacknowledged") != self.seen


TestAlarmLife = AlarmLife.TestCase
TestAlarmLife.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
