"""Programs with their versions, pushes to groups, and overrides, over the tables of schedules.

Everything that reaches a lamp goes through `commands.service.change`; this module adds who asked,
why, and until when. After a call that returns a command the caller wakes the dispatcher.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from fleet_server.audit import record
from fleet_server.commands import service as commands
from fleet_server.commands.models import Command
from fleet_server.commands.service import chunks
from fleet_server.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.ports import Clock, Database
from fleet_server.registry.models import Node, NodeGroup
from fleet_server.registry.service import node_ids_of
from fleet_server.schedules import rules
from fleet_server.schedules.models import (
    LampOverride,
    LampOverrideNode,
    Program,
    ProgramPush,
    ProgramVersion,
)
from fleet_server.web import Actor

# These follow a calendar: a lamp its level, a cabinet whether there is to be any light.
LIT = ("streetlight", "control_cabinet")
PROGRAMS = 500


def programs(database: Database) -> list[dict[str, Any]]:
    """All programs by name."""
    with database.read() as session:
        return [
            program.model_dump() for program in session.exec(select(Program).order_by(Program.name))
        ]


def program(session: Session, program_id: int) -> Program:
    """One program.

    Raises:
        NotFoundError: no such program.
    """
    found = session.get(Program, program_id)
    if found is None:
        raise NotFoundError(f"There is no program {program_id}.", field="program_id")
    return found


def save_program(
    database: Database,
    clock: Clock,
    actor: Actor,
    *,
    program_id: int | None,
    name: str,
    steps: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Makes a program, or gives one its next version; lamps follow at the next push.

    Raises:
        InvalidError: no good name or steps; the field says where.
        NotFoundError: no such program.
        ConflictError: another program has that name.
    """
    kept = rules.check_name(name)
    checked = rules.check_steps(steps)
    with database.write() as session:
        _check_name_free(session, kept, program_id)
        if program_id is None:
            if len(session.exec(select(Program.id)).all()) >= PROGRAMS:
                raise ConflictError(f"There are {PROGRAMS} programs already.")
            found = Program(name=kept, changed_by=actor.name, changed_s=clock.now_s(), version=0)
            before = None
        else:
            found = program(session, program_id)
            before = {"name": found.name, "version": found.version, "steps": found.steps}
            if before["name"] == kept and before["steps"] == checked:
                return found.model_dump()
        found.name = kept
        found.steps = checked
        found.version += 1
        found.changed_by = actor.name
        found.changed_s = clock.now_s()
        session.add(found)
        session.flush()
        assert found.id is not None
        session.add(
            ProgramVersion(
                program_id=found.id,
                version=found.version,
                name=kept,
                steps=checked,
                changed_by=actor.name,
                changed_s=found.changed_s,
            )
        )
        after = {"name": kept, "version": found.version, "steps": checked}
        action = "program.create" if before is None else "program.change"
        target = f"program:{found.id}"
        record(session, clock, actor, action, target=target, before=before, after=after)
    return found.model_dump()


def versions(database: Database, program_id: int) -> list[dict[str, Any]]:
    """All that a program ever was, newest first.

    Raises:
        NotFoundError: no such program.
    """
    query = (
        select(ProgramVersion)
        .where(ProgramVersion.program_id == program_id)
        .order_by(col(ProgramVersion.version).desc())
    )
    with database.read() as session:
        program(session, program_id)
        return [version.model_dump() for version in session.exec(query)]


def preview(database: Database, program_id: int, node_id: str, day: int) -> rules.Night:
    """The night of a local day at one lamp, by the code that the lamp runs.

    Raises:
        NotFoundError: no such program or node.
    """
    with database.read() as session:
        steps = program(session, program_id).steps
        node = session.get(Node, node_id)
    if node is None:
        raise NotFoundError(f"There is no node {node_id!r}.", field="node")
    calendar = rules.calendar_of(steps, rules.UTC_OFFSET_MIN)
    return rules.night_on(calendar, day, round(node.lat * 1e6), round(node.lon * 1e6))


def push(
    database: Database, clock: Clock, actor: Actor, *, program_id: int, group_id: str
) -> Command:
    """Sends a program, as it is now, to every lamp of a group.

    Raises:
        NotFoundError: no such program or group.
        InvalidError: a group without lamps.
    """
    with database.write() as session:
        chosen = program(session, program_id)
        lamps = _lamps(session, node_ids_of(session, group_id), "group_id")
        calendar = rules.calendar_of(chosen.steps, rules.UTC_OFFSET_MIN)
        about = {"program_id": program_id, "version": chosen.version, "group_id": group_id}
        command = commands.change(
            session,
            clock,
            actor,
            node_ids=lamps,
            patch=lambda document: rules.with_calendar(document, calendar),
            kind="schedule",
            title=f"{chosen.name} → {_group_name(session, group_id)}",
            detail=about,
        )
        assert command.id is not None
        session.add(
            ProgramPush(
                program_id=program_id,
                program_version=chosen.version,
                group_id=group_id,
                command_id=command.id,
                pushed_s=clock.now_s(),
            )
        )
        after = about | {"command_id": command.id, "nodes": len(lamps)}
        record(session, clock, actor, "schedule.push", target="group:" + group_id, after=after)
    return command


def override(
    database: Database,
    clock: Clock,
    actor: Actor,
    *,
    group_id: str | None,
    node_ids: Sequence[str] | None,
    level: int,
    minutes: int,
    reason: str,
) -> Command:
    """Gives lamps a level for some city minutes; they go back by themselves.

    Raises:
        InvalidError: level, minutes, reason, or nobody to give it to.
        NotFoundError: no such group or node.
    """
    why = rules.check_reason(reason)
    wanted = rules.override_of(level, minutes, clock.now_s())
    with database.write() as session:
        lamps = _chosen(session, group_id, node_ids)
        about = wanted | {"minutes": minutes, "reason": why, "group_id": group_id}
        command = commands.change(
            session,
            clock,
            actor,
            node_ids=lamps,
            patch=lambda document: rules.with_override(document, wanted),
            kind="override",
            title=f"{level} % → {_whom(session, group_id, lamps)}",
            detail=about,
        )
        assert command.id is not None
        _end_running(session, lamps, wanted["from_s"])
        row = LampOverride(
            command_id=command.id, group_id=group_id, level=level, minutes=minutes, reason=why,
            from_s=wanted["from_s"], until_s=wanted["until_s"], created_by=actor.name,
        )  # fmt: skip
        session.add(row)
        session.flush()
        rows = [{"override_id": row.id, "node_id": lamp, "ended_s": None} for lamp in lamps]
        session.connection().execute(insert(LampOverrideNode), rows)
        target = f"group:{group_id}" if group_id else "nodes:" + ",".join(lamps[:10])
        after = about | {"command_id": command.id, "nodes": len(lamps)}
        record(session, clock, actor, "override.set", target=target, after=after)
    return command


def clear_override(
    database: Database,
    clock: Clock,
    actor: Actor,
    *,
    group_id: str | None,
    node_ids: Sequence[str] | None,
) -> Command:
    """Sends lamps back to their program before the override ends.

    Raises:
        InvalidError: nobody named, or none of them has an override.
        NotFoundError: no such group or node.
    """
    with database.write() as session:
        now_s = clock.now_s()
        lamps = _chosen(session, group_id, node_ids)
        running = {row["node_id"] for row in _running(session, now_s)}
        overridden = [lamp for lamp in lamps if lamp in running]
        if not overridden:
            raise InvalidError("None of these lamps has an override.", code="no_override")
        command = commands.change(
            session,
            clock,
            actor,
            node_ids=overridden,
            patch=lambda document: rules.with_override(document, None),
            kind="override_clear",
            title=_whom(session, group_id, overridden),
            detail={"group_id": group_id},
        )
        _end_running(session, overridden, now_s)
        target = f"group:{group_id}" if group_id else "nodes:" + ",".join(overridden[:10])
        after = {"command_id": command.id, "nodes": len(overridden)}
        record(session, clock, actor, "override.clear", target=target, after=after)
    return command


def overrides(database: Database, clock: Clock) -> list[dict[str, Any]]:
    """The overrides that run now, lamp by lamp, the first to end first."""
    with database.read() as session:
        return _running(session, clock.now_s())


def _running(session: Session, now_s: int) -> list[dict[str, Any]]:
    query = (
        select(LampOverrideNode.node_id, LampOverride, Node.name)
        .join(LampOverride, col(LampOverride.id) == col(LampOverrideNode.override_id))
        .join(Node, col(Node.id) == col(LampOverrideNode.node_id))
        .where(col(LampOverrideNode.ended_s).is_(None), col(LampOverride.until_s) > now_s)
        .order_by(col(LampOverride.until_s), col(LampOverrideNode.node_id))
    )
    return [
        {"node_id": node_id, "name": name} | row.model_dump()
        for node_id, row, name in session.exec(query)
    ]


def _end_running(session: Session, lamps: Sequence[str], now_s: int) -> None:
    running = select(LampOverride.id).where(col(LampOverride.until_s) > now_s)
    for chunk in chunks(lamps):
        session.connection().execute(
            update(LampOverrideNode)
            .where(
                col(LampOverrideNode.node_id).in_(chunk),
                col(LampOverrideNode.ended_s).is_(None),
                col(LampOverrideNode.override_id).in_(running),
            )
            .values(ended_s=now_s)
        )


def _chosen(session: Session, group_id: str | None, node_ids: Sequence[str] | None) -> list[str]:
    """The lamps that a request names, by group or one by one."""
    if (group_id is None) == (node_ids is None):
        raise InvalidError("Name either a group or nodes.", field="group_id")
    if group_id is not None:
        return _lamps(session, node_ids_of(session, group_id), "group_id")
    wanted = sorted(set(node_ids or ()))
    lamps = _lamps(session, wanted, "node_ids")
    others = [node_id for node_id in wanted if node_id not in set(lamps)]
    if others:
        _refuse_other(session, others[0])
    return lamps


def _group_name(session: Session, group_id: str) -> str:
    return session.get_one(NodeGroup, group_id).name


def _whom(session: Session, group_id: str | None, lamps: Sequence[str]) -> str:
    """The group's name, or the first lamps."""
    if group_id is not None:
        return _group_name(session, group_id)
    return ", ".join(lamps[:3]) + (f" +{len(lamps) - 3}" if len(lamps) > 3 else "")


def _refuse_other(session: Session, node_id: str) -> None:
    if session.get(Node, node_id) is None:
        raise NotFoundError(f"There is no node {node_id!r}.", field="node_ids")
    raise InvalidError(f"{node_id} is not a streetlight in service.", field="node_ids")


def _lamps(session: Session, node_ids: Sequence[str], field: str) -> list[str]:
    """The lamps and cabinets among some nodes; other kinds follow no calendar."""
    lamps: list[str] = []
    for chunk in chunks(node_ids):
        query = select(Node.id).where(
            col(Node.id).in_(chunk), col(Node.kind).in_(LIT), Node.state != "retired"
        )
        lamps += session.exec(query)
    if not lamps and (field == "group_id" or not node_ids):
        raise InvalidError("There is no streetlight among these.", code="no_nodes", field=field)
    return sorted(lamps)


def _check_name_free(session: Session, name: str, program_id: int | None) -> None:
    holder = session.exec(select(Program).where(Program.name == name)).first()
    if holder is not None and holder.id != program_id:
        raise ConflictError(f"There is a program {name!r} already.", field="name")
