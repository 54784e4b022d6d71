"""Importing an inventory: checked as a whole first, then written in one transaction.

Rows are matched by id: a known one is changed, a new one made, none deleted.
A repeated import changes nothing. An import never touches a node's life (its
state and certificate) and never makes one kind of node into another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session, SQLModel, select

from fleet_server.audit import record
from fleet_server.errors import ConflictError, InvalidError
from fleet_server.ports import Clock, Database
from fleet_server.registry.models import Cabinet, Feeder, Node, NodeGroup, NodeGroupMember, Zone
from fleet_server.registry.rules import (
    IMPORT_ROWS,
    check_id,
    check_kind,
    check_node_id,
    check_place,
    check_text,
    fold,
)
from fleet_server.web import Actor

PHASES = ("L1", "L2", "L3")


class _Row(BaseModel):
    # A misspelt column must not be dropped in silence.
    model_config = ConfigDict(extra="forbid")


class ZoneRow(_Row):
    """A zone."""

    id: str
    name: str


class CabinetRow(_Row):
    """A cabinet; places in degrees on WGS 84."""

    id: str
    name: str
    zone: str | None = None
    lat: float
    lon: float


class FeederRow(_Row):
    """A feeder of a cabinet."""

    id: str
    cabinet_id: str
    name: str
    phase: str


class NodeRow(_Row):
    """A node; `feeder_id` for what hangs on one."""

    id: str
    kind: str
    name: str
    address: str = ""
    zone: str | None = None
    lat: float
    lon: float
    feeder_id: str | None = None


class GroupRow(_Row):
    """A group with all its members."""

    id: str
    name: str
    node_ids: list[str]


class Inventory(_Row):
    """Body of POST /registry/import; every part may be empty."""

    zones: Annotated[list[ZoneRow], Field(max_length=IMPORT_ROWS)] = []
    cabinets: Annotated[list[CabinetRow], Field(max_length=IMPORT_ROWS)] = []
    feeders: Annotated[list[FeederRow], Field(max_length=IMPORT_ROWS)] = []
    nodes: Annotated[list[NodeRow], Field(max_length=IMPORT_ROWS)] = []
    groups: Annotated[list[GroupRow], Field(max_length=IMPORT_ROWS)] = []


@dataclass(slots=True)
class _Tally:
    created: set[str] = field(default_factory=set[str])
    changed: set[str] = field(default_factory=set[str])
    unchanged: set[str] = field(default_factory=set[str])


def import_inventory(
    database: Database, clock: Clock, actor: Actor, inventory: Inventory
) -> dict[str, dict[str, int]]:
    """Writes the inventory, or nothing of it.

    Returns:
        for each part how many rows were created, changed and left as they were.

    Raises:
        InvalidError: a row breaks a rule; message and field name the row.
        ConflictError: a row would make a node into another kind.
    """
    _check_rows(inventory)
    with database.write() as session:
        _check_references(session, inventory)
        counts = {
            "zones": _merge(session, Zone, [row.model_dump() for row in inventory.zones]),
            "cabinets": _merge(session, Cabinet, [row.model_dump() for row in inventory.cabinets]),
            "feeders": _merge(session, Feeder, [row.model_dump() for row in inventory.feeders]),
            "nodes": _merge_nodes(session, inventory.nodes, clock.system_now_s()),
            "groups": _merge_groups(session, inventory.groups),
        }
        result = {
            name: {
                "created": len(tally.created),
                "changed": len(tally.changed),
                "unchanged": len(tally.unchanged),
            }
            for name, tally in counts.items()
        }
        if any(tally.created or tally.changed for tally in counts.values()):
            record(session, clock, actor, "registry.import", after=result)
    return result


def _check_rows(inventory: Inventory) -> None:
    for place, zone in _numbered("zones", inventory.zones):
        check_id(zone.id, place + ".id")
        check_text(zone.name, place + ".name")
    for place, cabinet in _numbered("cabinets", inventory.cabinets):
        check_id(cabinet.id, place + ".id")
        check_text(cabinet.name, place + ".name")
        check_place(cabinet.lat, cabinet.lon, place)
    for place, feeder in _numbered("feeders", inventory.feeders):
        check_id(feeder.id, place + ".id")
        check_text(feeder.name, place + ".name")
        if feeder.phase not in PHASES:
            raise InvalidError(
                f"{place}.phase: {feeder.phase!r} is none of {', '.join(PHASES)}.",
                field=place + ".phase",
            )
    for place, node in _numbered("nodes", inventory.nodes):
        check_node_id(node.id, place + ".id")
        check_kind(node.kind, place + ".kind")
        check_text(node.name, place + ".name")
        if node.address:
            check_text(node.address, place + ".address")
        check_place(node.lat, node.lon, place)
    for place, group in _numbered("groups", inventory.groups):
        check_id(group.id, place + ".id")
        check_text(group.name, place + ".name")


def _numbered(part: str, rows: list[Any]) -> list[tuple[str, Any]]:
    seen: set[str] = set()
    result: list[tuple[str, Any]] = []
    for index, row in enumerate(rows):
        place = f"{part}[{index}]"
        if row.id in seen:
            raise InvalidError(f"{place}.id: {row.id!r} stands there twice.", field=place + ".id")
        seen.add(row.id)
        result.append((place, row))
    return result


def _check_references(session: Session, inventory: Inventory) -> None:
    zones = set(session.exec(select(Zone.id))) | {row.id for row in inventory.zones}
    cabinets = set(session.exec(select(Cabinet.id))) | {row.id for row in inventory.cabinets}
    feeders = set(session.exec(select(Feeder.id))) | {row.id for row in inventory.feeders}
    nodes = set(session.exec(select(Node.id))) | {row.id for row in inventory.nodes}
    for index, cabinet in enumerate(inventory.cabinets):
        _known(cabinet.zone, zones, f"cabinets[{index}].zone")
    for index, feeder in enumerate(inventory.feeders):
        _known(feeder.cabinet_id, cabinets, f"feeders[{index}].cabinet_id")
    for index, node in enumerate(inventory.nodes):
        _known(node.zone, zones, f"nodes[{index}].zone")
        _known(node.feeder_id, feeders, f"nodes[{index}].feeder_id")
    imported = {group.id for group in inventory.groups}
    names: dict[str, str] = {
        group.name: group.id
        for group in session.exec(select(NodeGroup))
        if group.id not in imported
    }
    for index, group in enumerate(inventory.groups):
        for number, node_id in enumerate(group.node_ids):
            _known(node_id, nodes, f"groups[{index}].node_ids[{number}]")
        if names.setdefault(group.name, group.id) != group.id:
            place = f"groups[{index}].name"
            raise InvalidError(f"{place}: another group has the name {group.name!r}.", field=place)


def _known(value: str | None, known: set[str], field: str) -> None:
    if value is not None and value not in known:
        raise InvalidError(f"{field}: there is no {value!r}.", field=field)


def _merge(session: Session, table: type[SQLModel], rows: list[dict[str, Any]]) -> _Tally:
    tally = _Tally()
    known: dict[str, Any] = {item.id: item for item in session.exec(select(table))}  # type: ignore[attr-defined]
    for row in rows:
        item = known.get(row["id"])
        if item is None:
            session.add(table(**row))
            tally.created.add(row["id"])
        elif any(getattr(item, name) != value for name, value in row.items()):
            for name, value in row.items():
                setattr(item, name, value)
            session.add(item)
            tally.changed.add(row["id"])
        else:
            tally.unchanged.add(row["id"])
    session.flush()
    return tally


def _merge_nodes(session: Session, rows: list[NodeRow], now_s: int) -> _Tally:
    kinds = {node.id: node.kind for node in session.exec(select(Node))}
    prepared: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        kind = kinds.get(row.id)
        if kind is not None and kind != row.kind:
            place = f"nodes[{index}].kind"
            raise ConflictError(f"{place}: {row.id} is a {kind}, not a {row.kind}.", field=place)
        values = row.model_dump() | {"folded": fold(f"{row.id} {row.name} {row.address}")}
        if kind is None:
            values["created_s"] = now_s
        prepared.append(values)
    return _merge(session, Node, prepared)


def _merge_groups(session: Session, rows: list[GroupRow]) -> _Tally:
    tally = _merge(session, NodeGroup, [{"id": row.id, "name": row.name} for row in rows])
    for row in rows:
        wanted = set(row.node_ids)
        members = session.exec(select(NodeGroupMember).where(NodeGroupMember.group_id == row.id))
        present = {member.node_id: member for member in members}
        for node_id in wanted - set(present):
            session.add(NodeGroupMember(group_id=row.id, node_id=node_id))
        for node_id in set(present) - wanted:
            session.delete(present[node_id])
        if wanted != set(present) and row.id in tally.unchanged:
            tally.unchanged.remove(row.id)
            tally.changed.add(row.id)
    session.flush()
    return tally
