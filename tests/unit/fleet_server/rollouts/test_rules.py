"""The plan of a rollout and its execution, with nodes that do as their lot says."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.rollouts import rules
from fleet_server.rollouts.errors import RolloutStateError
from fleet_server.rollouts.rules import Candidate, NodeProgress, Plan, make_plan

EVENTS = ["offer", "downloaded", "trial", "confirmed", "refused", "rolled_back", "deadline"]


def candidates(count: int, zones: int = 2, offline: int = 0) -> list[Candidate]:
    return [
        Candidate(f"n-{number:03d}", f"z{number % zones}", number >= offline, 1)
        for number in range(count)
    ]


def test_a_node_that_sleeps_has_its_sleeps_more_until_its_deadline() -> None:
    plan = make_plan(candidates(1), deadline_s=900)
    asleep = NodeProgress("n-000", 0, rules.OFFERED, offered_s=1000, sleep_s=600)
    for now_s, late in ((1000 + 900, ()), (1000 + 2699, ()), (1000 + 2700, ("n-000",))):
        nodes = {"n-000": asleep}
        decision = rules.decide(plan, nodes, phase=0, accepted_failures=0, now_s=now_s)
        assert decision.late == late


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.booleans()), max_size=60, unique_by=lambda item: id(item)
    )
)
def test_a_plan_holds_every_node_once(lots: list[tuple[int, bool]]) -> None:
    everybody = [
        Candidate(f"n-{number}", f"z{zone}" if zone else None, online, None)
        for number, (zone, online) in enumerate(lots)
    ]
    plan = make_plan(everybody)
    planned = [node_id for phase in plan.phases for node_id in phase.node_ids]
    assert sorted(planned) == sorted(candidate.node_id for candidate in everybody)
    if everybody:
        assert len(plan.phases[0].node_ids) == 1
        reachable = {candidate.node_id for candidate in everybody if candidate.online}
        assert not reachable or plan.phases[0].node_ids[0] in reachable


def test_thirty_lamps_go_as_one_then_a_quarter_then_all() -> None:
    plan = make_plan(candidates(30))
    assert [(phase.name, len(phase.node_ids)) for phase in plan.phases] == [
        ("canary", 1),
        ("quarter", 7),
        ("all", 22),
    ]
    quarter = plan.phases[1].node_ids
    assert {int(node.split("-")[1]) % 2 for node in quarter} == {0, 1}, "both zones are in it"
    assert "canary" in str(plan), "a plan can be printed"


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (2, [1, 1]), (4, [1, 3]), (5, [1, 1, 3]), (8, [1, 1, 6])],
)
def test_small_fleets_have_fewer_phases(count: int, sizes: list[int]) -> None:
    assert [len(phase.node_ids) for phase in make_plan(candidates(count)).phases] == sizes


@given(st.sampled_from(sorted(rules.NODE_LIFE)), st.sampled_from([*EVENTS, "retry", "withdraw"]))
def test_what_the_node_table_does_not_name_is_an_error(state: str, event: str) -> None:
    if rules.takes(state, event):
        assert rules.node_step(state, event) in rules.NODE_LIFE
    else:
        with pytest.raises(RolloutStateError):
            rules.node_step(state, event)


@given(
    st.sampled_from(sorted(rules.ROLLOUT_LIFE)),
    st.lists(st.sampled_from(["pause", "stop", "resume", "abort", "finish"]), max_size=6),
)
def test_what_the_rollout_table_does_not_name_is_an_error(state: str, events: list[str]) -> None:
    for event in events:
        if event not in rules.ROLLOUT_LIFE[state]:
            with pytest.raises(RolloutStateError):
                rules.rollout_step(state, event)
            return
        state = rules.rollout_step(state, event)


@dataclass(slots=True)
class Street:
    """A rollout with simulated nodes: each takes its time and then does what its lot says."""

    plan: Plan
    lots: dict[str, str] = field(default_factory=dict[str, str])
    offline: set[str] = field(default_factory=set[str])
    seed: int = 0
    state: str = rules.RUNNING
    reason: str | None = None
    phase: int = 0
    accepted: int = 0
    now_s: int = 1000
    nodes: dict[str, NodeProgress] = field(default_factory=dict[str, NodeProgress])
    most_in_flight: int = 0
    offered: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        for index, phase in enumerate(self.plan.phases):
            for node_id in phase.node_ids:
                self.nodes[node_id] = NodeProgress(node_id, index, rules.PENDING)

    def move(self, node_id: str, event: str) -> None:
        node = self.nodes[node_id]
        self.nodes[node_id] = replace(node, state=rules.node_step(node.state, event))

    def run(self, seconds: int) -> None:
        chance = random.Random(self.seed)
        for _ in range(seconds):
            self.now_s += 1
            for node_id in list(self.nodes):
                self.nodes[node_id] = replace(
                    self.nodes[node_id], online=node_id not in self.offline
                )
                if chance.random() < 0.3:
                    self.live(node_id)
            self.decide()

    def live(self, node_id: str) -> None:
        state, lot = self.nodes[node_id].state, self.lots.get(node_id, "confirmed")
        if state == rules.OFFERED and lot != "silent":
            self.move(node_id, "refused" if lot == "refused" else "downloaded")
        elif state == rules.DOWNLOADED:
            self.move(node_id, "trial")
        elif state == rules.TRIAL:
            self.move(node_id, lot)

    def decide(self) -> None:
        if self.state != rules.RUNNING:
            return
        decision = rules.decide(
            self.plan,
            self.nodes,
            phase=self.phase,
            accepted_failures=self.accepted,
            now_s=self.now_s,
        )
        for node_id in decision.late:
            self.move(node_id, "deadline")
        for node_id in decision.offer:
            self.move(node_id, "offer")
            self.nodes[node_id] = replace(self.nodes[node_id], offered_s=self.now_s)
            self.offered.append(node_id)
        self.phase = decision.phase
        if decision.event is not None:
            self.state = rules.rollout_step(self.state, decision.event)
            self.reason = decision.reason
        busy = sum(1 for node in self.nodes.values() if node.state in rules.IN_FLIGHT)
        self.most_in_flight = max(self.most_in_flight, busy)

    def resume(self) -> None:
        self.state = rules.rollout_step(self.state, "resume")
        for node_id in rules.to_retry(self.nodes.values(), self.phase):
            self.move(node_id, "retry")
        self.accepted = sum(1 for node in self.nodes.values() if node.state in rules.FAILED)

    def count(self, state: str) -> int:
        return sum(1 for node in self.nodes.values() if node.state == state)


def street(count: int = 30, **lots: str) -> Street:
    """A street whose nodes by number (n12) have other lots than to confirm."""
    found = Street(make_plan(candidates(count)))
    found.lots = {f"n-{int(name[1:]):03d}": lot for name, lot in lots.items()}
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_good_release_reaches_everybody_in_order(seed: int) -> None:
    found = street()
    found.seed = seed
    found.run(400)
    assert (found.state, found.count(rules.CONFIRMED)) == (rules.FINISHED, 30)
    assert 1 < found.most_in_flight <= rules.CAP
    order = [phase.node_ids for phase in found.plan.phases]
    assert set(found.offered[:1]) == set(order[0])
    assert set(found.offered[1:8]) == set(order[1])


@pytest.mark.parametrize("lot", ["refused", "rolled_back", "silent"])
def test_a_canary_that_fails_stops_everything(lot: str) -> None:
    found = street(n0=lot)
    assert found.plan.phases[0].node_ids == ("n-000",)
    found.run(rules.DEADLINE_S + 100)
    assert found.state == rules.PAUSED
    assert found.reason == ("canary_timed_out" if lot == "silent" else "canary_" + lot)
    assert found.offered == ["n-000"]


def test_who_resumes_lets_the_canary_try_again_and_nobody_else() -> None:
    found = street(n0="refused")
    found.run(100)
    found.resume()
    found.run(100)
    assert (found.state, found.offered) == (rules.PAUSED, ["n-000", "n-000"])
    found.lots = {}
    found.resume()
    found.run(400)
    assert (found.state, found.count(rules.CONFIRMED)) == (rules.FINISHED, 30)


def test_failures_over_the_threshold_pause_and_resuming_accepts_them() -> None:
    found = street()
    quarter = found.plan.phases[1].node_ids
    found.lots = dict.fromkeys(quarter[:2], "rolled_back")
    found.run(300)
    assert (found.state, found.reason) == (rules.PAUSED, "too_many_failures")
    assert not set(found.offered) & set(found.plan.phases[2].node_ids)
    while found.state == rules.PAUSED:
        found.resume()
        found.run(300)
    assert (found.state, found.count(rules.CONFIRMED)) == (rules.FINISHED, 28)
    assert len(found.offered) == 30, "who failed after the canary is not tried again"


def test_few_failures_among_many_do_not_stop() -> None:
    found = Street(make_plan(candidates(200)))
    found.lots = {found.plan.phases[2].node_ids[number]: "rolled_back" for number in (50, 90, 120)}
    found.run(600)
    assert (found.state, found.count(rules.CONFIRMED)) == (rules.FINISHED, 197)
    assert found.count(rules.ROLLED_BACK) == 3


def test_nodes_that_are_away_are_not_offered_and_hold_nobody_up() -> None:
    found = Street(make_plan(candidates(30, offline=6)))
    found.offline = {f"n-{number:03d}" for number in range(6)}
    found.run(500)
    assert (found.state, found.count(rules.CONFIRMED)) == (rules.RUNNING, 24)
    assert found.count(rules.PENDING) == 6
    assert not found.offline & set(found.offered)
    found.offline = set()
    found.run(200)
    assert (found.state, found.count(rules.CONFIRMED)) == (rules.FINISHED, 30)


def test_a_canary_that_went_away_is_waited_for() -> None:
    found = street()
    found.offline = {"n-000"}
    found.run(200)
    assert (found.state, found.offered) == (rules.RUNNING, [])


def test_a_late_confirmation_is_still_true() -> None:
    found = street(n0="silent")
    found.run(rules.DEADLINE_S + 10)
    assert found.count(rules.TIMED_OUT) == 1
    found.move("n-000", "confirmed")
    found.resume()
    found.run(400)
    assert found.state == rules.FINISHED


def test_a_paused_rollout_offers_nobody_anything() -> None:
    found = street()
    found.run(60)
    found.state = rules.rollout_step(found.state, "pause")
    offered = list(found.offered)
    found.run(300)
    assert found.offered == offered
    assert found.count(rules.OFFERED) == 0, "who had begun went on"
