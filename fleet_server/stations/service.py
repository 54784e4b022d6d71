"""The rules of greenhouses: read from their desired state, changed by commands, audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from fleet_server.audit import record
from fleet_server.commands import service as commands
from fleet_server.commands.models import Command
from fleet_server.commands.service import chunks
from fleet_server.errors import InvalidError, NotFoundError
from fleet_server.ports import Clock, Database
from fleet_server.registry.models import Node
from fleet_server.registry.service import node_ids_of
from fleet_server.stations import rules
from fleet_server.web import Actor

STATION = "greenhouse"


def rules_of(database: Database, node_id: str) -> dict[str, Any]:
    """The rules that a greenhouse is told, in units.

    Raises:
        NotFoundError: no such node.
        InvalidError: it has no outputs to switch.
    """
    with database.read() as session:
        _check_stations(session, [node_id])
        version, document = commands.document_of(session, node_id)
    return {"version": version, "rules": rules.shown_rules(document.get("rules") or {})}


def set_rules(
    database: Database,
    clock: Clock,
    actor: Actor,
    *,
    group_id: str | None,
    node_ids: Sequence[str] | None,
    given: Mapping[str, Any],
) -> Command:
    """Gives greenhouses their rules, whole; an output without one stays off.

    Raises:
        InvalidError: rules that no node would follow, or nobody to give them to.
        NotFoundError: no such group or node.
    """
    wire = rules.wire_rules(given)
    with database.write() as session:
        stations = _chosen(session, group_id, node_ids)
        target = f"group:{group_id}" if group_id else "nodes:" + ",".join(stations[:10])
        return _change(
            session,
            clock,
            actor,
            stations,
            lambda document: rules.with_rules(document, wire),
            target,
            {"group_id": group_id, "rules": wire},
        )


def set_rule(
    database: Database,
    clock: Clock,
    actor: Actor,
    *,
    node_id: str,
    output: str,
    given: Mapping[str, Any] | None,
) -> Command:
    """Changes one output's rule of one greenhouse, or takes it away with None.

    Raises: as `set_rules`.
    """
    wire = rules.wire_rules({} if given is None else {output: given})
    with database.write() as session:
        _check_stations(session, [node_id])
        return _change(
            session,
            clock,
            actor,
            [node_id],
            lambda document: rules.with_rule(document, output, wire.get(output)),
            "nodes:" + node_id,
            {"output": output, "rule": wire.get(output)},
        )


def _change(
    session: Session,
    clock: Clock,
    actor: Actor,
    stations: list[str],
    patch: commands.Patch,
    target: str,
    about: dict[str, Any],
) -> Command:
    before = {
        node_id: commands.document_of(session, node_id)[1].get("rules") for node_id in stations[:10]
    }
    command = commands.change(
        session,
        clock,
        actor,
        node_ids=stations,
        patch=patch,
        kind="rules",
        title=", ".join(stations[:3]) + (" …" if len(stations) > 3 else ""),
        detail=about,
    )
    after = about | {"command_id": command.id, "nodes": len(stations)}
    record(session, clock, actor, "rules.set", target=target, before=before, after=after)
    return command


def _chosen(session: Session, group_id: str | None, node_ids: Sequence[str] | None) -> list[str]:
    if (group_id is None) == (node_ids is None):
        raise InvalidError("Name either a group or nodes.", field="group_id")
    if group_id is None:
        wanted = sorted(set(node_ids or ()))
        _check_stations(session, wanted)
        return wanted
    members = set(node_ids_of(session, group_id))
    query = select(Node.id).where(Node.kind == STATION, Node.state != "retired")
    stations = sorted(members & set(session.exec(query)))
    if not stations:
        raise InvalidError("There is no greenhouse among these.", code="no_nodes", field="group_id")
    return stations


def _check_stations(session: Session, wanted: Sequence[str]) -> None:
    kinds: dict[str, str] = {}
    for chunk in chunks(wanted):
        query = select(Node.id, Node.kind).where(col(Node.id).in_(chunk), Node.state != "retired")
        kinds.update(session.exec(query).all())
    for node_id in wanted:
        if node_id not in kinds:
            raise NotFoundError(f"There is no node {node_id!r}.", field="node_ids")
        if kinds[node_id] != STATION:
            raise InvalidError(f"{node_id} is not a greenhouse.", field="node_ids")
