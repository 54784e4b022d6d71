"""Rows of rollouts as the rules' values, and back; what screens read of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlmodel import Session, col, func, select

from fleet_server.registry.models import Node
from fleet_server.rollouts import rules
from fleet_server.rollouts.models import Release, Rollout, RolloutNode
from fleet_server.rollouts.rules import Candidate, NodeProgress, Phase, Plan
from fleet_server.telemetry.models import NodeState
from protocols.limits import REPORT_MAX_S


def candidates(session: Session, release: Release) -> list[Candidate]:
    """The nodes in service of a release's kind that do not run this very release."""
    nodes = select(Node).where(Node.kind == release.kind, Node.state != "retired").order_by(Node.id)
    members = select(Node.id).where(Node.kind == release.kind)
    states = {
        state.node_id: state
        for state in session.exec(select(NodeState).where(col(NodeState.node_id).in_(members)))
    }
    found: list[Candidate] = []
    for node in session.exec(nodes):
        known = states.get(node.id)
        if known is None:
            if node.state != "planned":
                found.append(Candidate(node.id, node.zone, False, None))
        elif (known.release_counter, known.app_version) != (release.counter, release.version):
            found.append(Candidate(node.id, node.zone, known.online, known.release_counter))
    return found


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """A plan as it is stored."""
    return {
        "phases": [{"name": phase.name, "node_ids": list(phase.node_ids)} for phase in plan.phases],
        "cap": plan.cap,
        "deadline_s": plan.deadline_s,
        "failure_percent": plan.failure_percent,
    }


def plan_of(rollout: Rollout) -> Plan:
    """A rollout's plan."""
    stored = rollout.plan
    phases = tuple(Phase(phase["name"], tuple(phase["node_ids"])) for phase in stored["phases"])
    return Plan(phases, stored["cap"], stored["deadline_s"], stored["failure_percent"])


def live_rollouts(session: Session) -> Sequence[Rollout]:
    """The rollouts that have not ended."""
    query = (
        select(Rollout).where(col(Rollout.state).in_(rules.LIVE_STATES)).order_by(col(Rollout.id))
    )
    return session.exec(query).all()


def rows_of(session: Session, rollout_id: int | None) -> dict[str, RolloutNode]:
    """The nodes of a rollout."""
    query = select(RolloutNode).where(RolloutNode.rollout_id == rollout_id)
    return {row.node_id: row for row in session.exec(query)}


def progress(
    session: Session, rows: Iterable[RolloutNode], speed: float = 1.0
) -> dict[str, NodeProgress]:
    """The same with what is known of the nodes now; `speed`: city seconds in a real one."""
    rows = list(rows)
    at_work = [row.node_id for row in rows if row.state in rules.IN_FLIGHT]
    query = select(NodeState).where(col(NodeState.node_id).in_(at_work))
    asleep_s = {state.node_id: state.facts.get("sleep_s") for state in session.exec(query)}
    online = set(session.exec(select(NodeState.node_id).where(col(NodeState.online))))
    return {
        row.node_id: NodeProgress(
            row.node_id,
            row.phase,
            row.state,
            row.offered_system_s,
            row.node_id in online,
            _real_s(asleep_s.get(row.node_id), speed),
        )
        for row in rows
    }


def _real_s(sleep_s: Any, speed: float) -> int:
    """A reported interval in real seconds; 0 for what is none."""
    good = type(sleep_s) is int and 0 < sleep_s <= REPORT_MAX_S
    return int(sleep_s / speed) if good else 0


def summaries(session: Session, rollouts: Sequence[Rollout]) -> list[dict[str, Any]]:
    """What a list shows of each rollout: what it brings, its state and its counts."""
    found: list[dict[str, Any]] = []
    for rollout in rollouts:
        release = session.get_one(Release, rollout.release_id)
        counts = dict.fromkeys(rules.NODE_LIFE, 0)
        query = (
            select(RolloutNode.state, func.count())
            .where(RolloutNode.rollout_id == rollout.id)
            .group_by(col(RolloutNode.state))
        )
        counts.update(session.exec(query).all())
        plan = plan_of(rollout)
        found.append(
            rollout.model_dump(exclude={"plan", "created_system_s"})
            | {
                "kind": release.kind,
                "version": release.version,
                "counter": release.counter,
                "phase": plan.phases[rollout.phase].name,
                "phases": [
                    {"name": phase.name, "total": len(phase.node_ids)} for phase in plan.phases
                ],
                "cap": plan.cap,
                "deadline_s": plan.deadline_s,
                "counts": counts,
                "total": sum(counts.values()),
            }
        )
    return found


def detail(session: Session, rollout: Rollout) -> dict[str, Any]:
    """A rollout with every node."""
    plan = plan_of(rollout)
    query = (
        select(RolloutNode, Node.name)
        .join(Node, col(Node.id) == col(RolloutNode.node_id))
        .where(RolloutNode.rollout_id == rollout.id)
        .order_by(col(RolloutNode.phase), col(RolloutNode.node_id))
    )
    nodes = [
        row.model_dump(exclude={"rollout_id"})
        | {"name": name, "phase": plan.phases[row.phase].name}
        for row, name in session.exec(query)
    ]
    return summaries(session, [rollout])[0] | {"nodes": nodes}
