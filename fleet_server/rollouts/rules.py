"""Rules of rollouts: the plan of phases, and what to do next. Pure.

A plan is a value to print and to test before anything acts on it: one canary, then a quarter, then
all, the reachable nodes first. Executing it is a function of what is known at a moment:

    plan = make_plan(candidates)
    decision = decide(rollout, nodes, now_s)     # whom to offer it, who is too late, pause, finish

- A canary that fails stops the rollout, and only a canary that confirms opens the next phase; who
  resumes lets the canary try again. So an altered release never goes past one node.
- Later it stops when more failed than the threshold allows.
- A node that is away is not offered anything and holds nobody up; it gets its turn when it returns.
- Who resumes a later phase has seen the failures so far: only new ones stop it again.

Left to others: documents and deadlines' clocks (executor.py), the tables (store.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fleet_server.rollouts.errors import RolloutStateError

RUNNING, PAUSED, FINISHED, ABORTED = "running", "paused", "finished", "aborted"

ROLLOUT_LIFE: dict[str, dict[str, str]] = {
    RUNNING: {"pause": PAUSED, "stop": PAUSED, "abort": ABORTED, "finish": FINISHED},
    PAUSED: {"resume": RUNNING, "abort": ABORTED},
    FINISHED: {},
    ABORTED: {},
}
LIVE_STATES = (RUNNING, PAUSED)

PENDING, OFFERED, DOWNLOADED, TRIAL = "pending", "offered", "downloaded", "trial"
CONFIRMED, REFUSED, ROLLED_BACK, TIMED_OUT = "confirmed", "refused", "rolled_back", "timed_out"

_UNDER_WAY = {
    "downloaded": DOWNLOADED,
    "trial": TRIAL,
    "confirmed": CONFIRMED,
    "refused": REFUSED,
    "rolled_back": ROLLED_BACK,
}
NODE_LIFE: dict[str, dict[str, str]] = {
    # A node that has it already, or that an earlier order reached, confirms without an offer.
    PENDING: {"offer": OFFERED, "confirmed": CONFIRMED},
    OFFERED: {**_UNDER_WAY, "deadline": TIMED_OUT, "withdraw": PENDING},
    DOWNLOADED: {**_UNDER_WAY, "deadline": TIMED_OUT, "withdraw": PENDING},
    # The bootstrap is at work: an order cannot be taken back from here.
    TRIAL: {**_UNDER_WAY, "deadline": TIMED_OUT},
    # What comes late is still true.
    TIMED_OUT: {**_UNDER_WAY, "retry": PENDING},
    CONFIRMED: {},
    # A blob can be repaired and the rollout resumed.
    REFUSED: {"retry": PENDING, "confirmed": CONFIRMED},
    ROLLED_BACK: {"retry": PENDING, "confirmed": CONFIRMED},
}
IN_FLIGHT = (OFFERED, DOWNLOADED, TRIAL)
FAILED = (REFUSED, ROLLED_BACK, TIMED_OUT)
ENDED = (CONFIRMED, *FAILED)

PHASES = ("canary", "quarter", "all")
# Nodes that work on the update at the same time, so that a street never goes dark together.
CAP = 10
# From the offer to the confirmation, in real seconds: a download of 512 KiB at 2 kB/s, three trial
# boots and a reconnection fit.
DEADLINE_S = 900
# A node that sleeps may miss a report, hears of the offer, and comes back after its update.
SLEEPS = 3
# After the canary, failures up to this share of those attempted are bad luck.
FAILURE_PERCENT = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node for which a release is meant.

    Attributes:
        zone: Where it is; phases are spread over zones.
        online: Whether it can be reached now.
        counter: The release counter that it runs; None if it never told.
    """

    node_id: str
    zone: str | None
    online: bool
    counter: int | None


@dataclass(frozen=True, slots=True)
class Phase:
    """Nodes whose turn comes together."""

    name: str
    node_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who gets a release, in which order, how many at once, and how long each may take."""

    phases: tuple[Phase, ...]
    cap: int = CAP
    deadline_s: int = DEADLINE_S
    failure_percent: int = FAILURE_PERCENT


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """One node of a rollout at a moment.

    Attributes:
        phase: Index in the plan.
        offered_s: System second of the offer; None before.
        online: Whether it can be reached now.
        sleep_s: Real seconds between its reports, if it sleeps between them: it hears of an
            offer with the next one.
    """

    node_id: str
    phase: int
    state: str
    offered_s: int | None = None
    online: bool = True
    sleep_s: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, as a value.

    Attributes:
        offer: Nodes to offer the release to.
        late: Nodes whose deadline has passed.
        phase: The phase that is open after this.
        event: "stop" or "finish" for the rollout itself, or None.
        reason: Why it stops, a stable name.
    """

    offer: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    phase: int = 0
    event: str | None = None
    reason: str | None = None


def make_plan(
    candidates: Sequence[Candidate], *, cap: int = CAP, deadline_s: int = DEADLINE_S
) -> Plan:
    """Puts nodes into phases: one, a quarter, the rest; reachable ones first, spread over zones.

    Args:
        candidates: All nodes that shall get the release.
        cap: How many may work on it at once.
        deadline_s: Real seconds from offer to confirmation.
    """
    order = _spread(candidates)
    quarter = max(1, (len(order) + 3) // 4)
    ends = (1, max(1, quarter), len(order))
    phases: list[Phase] = []
    start = 0
    for name, end in zip(PHASES, ends, strict=True):
        end = min(max(start, end), len(order))
        if end > start:
            phases.append(Phase(name, tuple(order[start:end])))
        start = max(start, end)
    return Plan(tuple(phases), cap, deadline_s)


def decide(
    plan: Plan,
    nodes: Mapping[str, NodeProgress],
    *,
    phase: int,
    accepted_failures: int,
    now_s: int,
) -> Decision:
    """What a running rollout does next.

    Args:
        plan: Its phases.
        nodes: Every node of it.
        phase: The phase that is open.
        accepted_failures: How many failures an operator has gone on from.
        now_s: System second.
    """
    late = tuple(
        node.node_id
        for node in nodes.values()
        if node.state in IN_FLIGHT
        and node.offered_s is not None
        and now_s - node.offered_s >= plan.deadline_s + SLEEPS * node.sleep_s
    )
    failed = [
        node.node_id for node in nodes.values() if node.state in FAILED or node.node_id in late
    ]
    reason = _stop_reason(plan, nodes, phase, failed, accepted_failures, late)
    if reason is not None:
        return Decision(late=late, phase=phase, event="stop", reason=reason)
    while phase + 1 < len(plan.phases) and _is_through(plan, nodes, phase, late):
        phase += 1
    ended = sum(1 for node in nodes.values() if node.state in ENDED or node.node_id in late)
    if ended == len(nodes):
        return Decision(late=late, phase=phase, event="finish")
    return Decision(_whom(plan, nodes, phase, late), late, phase)


def node_step(state: str, event: str) -> str:
    """A node's state after an event.

    Raises:
        RolloutStateError: The event cannot happen in this state.
    """
    try:
        return NODE_LIFE[state][event]
    except KeyError as error:
        raise RolloutStateError("node", state, event) from error


def rollout_step(state: str, event: str) -> str:
    """A rollout's state after an event.

    Raises:
        RolloutStateError: The event cannot happen in this state.
    """
    try:
        return ROLLOUT_LIFE[state][event]
    except KeyError as error:
        raise RolloutStateError("rollout", state, event) from error


def to_retry(nodes: Iterable[NodeProgress], phase: int) -> tuple[str, ...]:
    """Who tries again when a rollout is resumed in a phase: a canary that failed."""
    if phase != 0:
        return ()
    return tuple(node.node_id for node in nodes if node.phase == 0 and node.state in FAILED)


def takes(state: str, event: str) -> bool:
    """Whether a node's state knows an event; late and repeated messages bring others."""
    return event in NODE_LIFE[state]


def _spread(candidates: Iterable[Candidate]) -> list[str]:
    """Reachable nodes first; among equals one zone after the other, so each phase sees them all."""
    order: list[str] = []
    for online in (True, False):
        zones: dict[str, list[str]] = {}
        for candidate in sorted(candidates, key=lambda candidate: candidate.node_id):
            if candidate.online == online:
                zones.setdefault(candidate.zone or "", []).append(candidate.node_id)
        queues = [zones[name] for name in sorted(zones)]
        for turn in range(max((len(queue) for queue in queues), default=0)):
            order += [queue[turn] for queue in queues if turn < len(queue)]
    return order


def _stop_reason(
    plan: Plan,
    nodes: Mapping[str, NodeProgress],
    phase: int,
    failed: Sequence[str],
    accepted: int,
    late: Sequence[str],
) -> str | None:
    fresh = len(failed) - accepted
    if fresh <= 0:
        return None
    if phase == 0:
        node_id = failed[-1]
        return "canary_" + (TIMED_OUT if node_id in late else nodes[node_id].state)
    attempted = sum(1 for node in nodes.values() if node.state != PENDING)
    if 100 * fresh > plan.failure_percent * max(1, attempted - accepted):
        return "too_many_failures"
    return None


def _is_through(
    plan: Plan, nodes: Mapping[str, NodeProgress], phase: int, late: Sequence[str]
) -> bool:
    """Whether every node of a phase has ended, or is away and holds nobody up."""
    members = [nodes[node_id] for node_id in plan.phases[phase].node_ids if node_id in nodes]
    if phase == 0:
        # A canary that was away has proved nothing.
        return any(node.state == CONFIRMED for node in members)
    return all(
        node.state in ENDED or node.node_id in late or (node.state == PENDING and not node.online)
        for node in members
    )


def _whom(
    plan: Plan, nodes: Mapping[str, NodeProgress], phase: int, late: Sequence[str]
) -> tuple[str, ...]:
    busy = sum(1 for node in nodes.values() if node.state in IN_FLIGHT and node.node_id not in late)
    ready = [
        node_id
        for open_phase in plan.phases[: phase + 1]
        for node_id in open_phase.node_ids
        if node_id in nodes and nodes[node_id].state == PENDING and nodes[node_id].online
    ]
    return tuple(ready[: max(0, plan.cap - busy)])
