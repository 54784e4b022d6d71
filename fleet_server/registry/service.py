"""Groups, topology and the life of a node, over the registry's tables."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from fleet_server.audit import record
from fleet_server.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.ports import Clock, Database
from fleet_server.registry.models import Cabinet, Feeder, Node, NodeGroup, NodeGroupMember, Zone
from fleet_server.registry.rules import check_text, slug
from fleet_server.web import Actor

GROUP_NODES = 100_000


def node_ids_of(session: Session, group_id: str) -> list[str]:
    """The members of a group, by id; retired ones are left out.

    Raises:
        NotFoundError: no such group.
    """
    if session.get(NodeGroup, group_id) is None:
        raise NotFoundError(f"There is no group {group_id!r}.")
    query = (
        select(NodeGroupMember.node_id)
        .join(Node, col(Node.id) == col(NodeGroupMember.node_id))
        .where(NodeGroupMember.group_id == group_id, Node.state != "retired")
        .order_by(NodeGroupMember.node_id)
    )
    return list(session.exec(query))


def groups(database: Database) -> list[dict[str, Any]]:
    """All groups by name, each with its members."""
    with database.read() as session:
        members: dict[str, list[str]] = {}
        for member in session.exec(select(NodeGroupMember).order_by(NodeGroupMember.node_id)):
            members.setdefault(member.group_id, []).append(member.node_id)
        found = session.exec(select(NodeGroup).order_by(NodeGroup.name))
        return [
            {"id": group.id, "name": group.name, "node_ids": members.get(group.id, [])}
            for group in found
        ]


def create_group(
    database: Database, clock: Clock, actor: Actor, *, name: str, node_ids: list[str]
) -> dict[str, Any]:
    """Makes a group; its id is made from its name.

    Raises:
        InvalidError: no good name, or a node that does not exist.
        ConflictError: the name is taken.
    """
    check_text(name, "name")
    wanted = sorted(set(node_ids))
    if len(wanted) > GROUP_NODES:
        raise InvalidError(f"At most {GROUP_NODES} nodes.", field="node_ids")
    with database.write() as session:
        if session.exec(select(NodeGroup).where(NodeGroup.name == name)).first() is not None:
            raise ConflictError(f"There is a group {name!r} already.", field="name")
        known = set(session.exec(select(Node.id)))
        for node_id in wanted:
            if node_id not in known:
                raise InvalidError(f"There is no node {node_id!r}.", field="node_ids")
        group = NodeGroup(id=_free_id(session, name), name=name)
        session.add(group)
        session.flush()
        for node_id in wanted:
            session.add(NodeGroupMember(group_id=group.id, node_id=node_id))
        result = {"id": group.id, "name": name, "node_ids": wanted}
        record(session, clock, actor, "group.create", target="group:" + group.id, after=result)
    return result


def delete_group(database: Database, clock: Clock, actor: Actor, group_id: str) -> None:
    """Deletes a group, not its nodes.

    Raises:
        NotFoundError: no such group.
    """
    with database.write() as session:
        group = session.get(NodeGroup, group_id)
        if group is None:
            raise NotFoundError(f"There is no group {group_id!r}.")
        query = select(NodeGroupMember).where(NodeGroupMember.group_id == group_id)
        members = list(session.exec(query))
        before = {"name": group.name, "node_ids": [member.node_id for member in members]}
        for member in members:
            session.delete(member)
        session.flush()
        session.delete(group)
        record(session, clock, actor, "group.delete", target="group:" + group_id, before=before)


def topology(database: Database) -> dict[str, Any]:
    """Zones; cabinets with their feeders, each with its nodes (retired ones left out)."""
    with database.read() as session:
        nodes: dict[str, list[str]] = {}
        on_feeders = (
            select(Node)
            .where(col(Node.feeder_id).is_not(None), Node.state != "retired")
            .order_by(Node.id)
        )
        for node in session.exec(on_feeders):
            nodes.setdefault(str(node.feeder_id), []).append(node.id)
        feeders: dict[str, list[dict[str, Any]]] = {}
        for feeder in session.exec(select(Feeder).order_by(Feeder.id)):
            entry = {"id": feeder.id, "name": feeder.name, "phase": feeder.phase}
            entry["nodes"] = nodes.get(feeder.id, [])  # type: ignore[assignment]
            feeders.setdefault(feeder.cabinet_id, []).append(entry)
        return {
            "zones": [zone.model_dump() for zone in session.exec(select(Zone).order_by(Zone.id))],
            "cabinets": [
                cabinet.model_dump() | {"feeders": feeders.get(cabinet.id, [])}
                for cabinet in session.exec(select(Cabinet).order_by(Cabinet.id))
            ],
        }


def _free_id(session: Session, name: str) -> str:
    base = slug(name) or "group"
    taken = set(session.exec(select(NodeGroup.id)))
    if base not in taken:
        return base
    # Names are unique, so this ends after as many tries as there are groups.
    number = 2
    while f"{base[:36]}-{number}" in taken:
        number += 1
    return f"{base[:36]}-{number}"
