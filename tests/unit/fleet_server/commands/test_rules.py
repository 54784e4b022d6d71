"""The table of a command's target, walked at random against a plain model of one node."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fleet_server.commands import rules
from fleet_server.commands.errors import TargetStateError
from fleet_server.commands.rules import ASPECTS, Target, Transition

EVENTS = ["published", "reported", "refused", "superseded", "no such event"]


@given(st.sampled_from(sorted(rules.TARGET_LIFE)), st.sampled_from(EVENTS))
def test_what_the_table_does_not_name_is_an_error(state: str, event: str) -> None:
    if event in rules.TARGET_LIFE[state]:
        assert rules.step(state, event) in rules.TARGET_LIFE
    else:
        with pytest.raises(TargetStateError):
            rules.step(state, event)


def test_every_kind_changes_one_aspect_of_the_document() -> None:
    assert set(rules.ASPECT_OF_KIND.values()) == set(ASPECTS)
    assert set(rules.empty_document()) == set(ASPECTS) - {"rules"}


class Shadow(RuleBasedStateMachine):
    """One node's targets, and beside them what an honest observer would say of each."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: dict[int, Target] = {}
        self.version = 0
        self.published = 0
        self.reported = 0

    def move(self, moves: list[Transition]) -> None:
        for move in moves:
            old = move.target
            assert self.targets[old.command_id] == old
            self.targets[old.command_id] = Target(
                old.command_id, old.node_id, old.aspect, old.version, move.state
            )

    def waiting(self) -> list[Target]:
        return [target for target in self.targets.values() if target.state in rules.OPEN_STATES]

    @rule(aspect=st.sampled_from(ASPECTS))
    def command(self, aspect: str) -> None:
        self.move(rules.superseded(self.waiting(), aspect))
        self.version += 1
        number = len(self.targets) + 1
        self.targets[number] = Target(number, "node", aspect, self.version, rules.QUEUED)

    @rule()
    def publish(self) -> None:
        self.published = self.version
        self.move(rules.published(self.waiting(), self.version))

    @rule(back=st.integers(0, 3))
    def report(self, back: int) -> None:
        """The node reports something published, perhaps again and late."""
        version = max(0, self.published - back)
        self.reported = max(self.reported, version)
        self.move(rules.reported(self.waiting(), version))

    @rule(named=st.booleans())
    def refuse(self, named: bool) -> None:
        if self.published > self.reported:
            version = self.published if named else None
            self.move(rules.refused(self.waiting(), version, "malformed"))

    @invariant()
    def one_aspect_waits_once(self) -> None:
        aspects = [target.aspect for target in self.waiting()]
        assert len(aspects) == len(set(aspects))

    @invariant()
    def reached_means_reported_and_waiting_means_not(self) -> None:
        for target in self.targets.values():
            if target.state == rules.REACHED:
                assert target.version <= self.reported
            if target.state in rules.OPEN_STATES:
                assert target.version > self.reported
            if target.state == rules.SENT:
                assert target.version <= self.published


TestShadow = Shadow.TestCase
TestShadow.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
