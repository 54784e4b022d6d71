"""What people do with alarms: read them, acknowledge them, announce planned switching."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from fleet_server.alarms import life, store
from fleet_server.alarms.models import Alarm, PlannedSwitching
from fleet_server.audit import record
from fleet_server.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.ports import Clock, Database
from fleet_server.registry.models import Cabinet, Feeder, Node
from fleet_server.web import Actor

NOTE_CHARS = 500
STATES = ("", "active", "cleared", "all")
# Longer work is planned again: a forgotten announcement must not silence a district for ever.
SWITCHING_MINUTES = 7 * 24 * 60
_OBJECTS: dict[str, type[Node] | type[Feeder] | type[Cabinet]] = {
    "node": Node,
    "feeder": Feeder,
    "cabinet": Cabinet,
}


def alarms(
    database: Database, *, state: str, before_id: int | None, limit: int
) -> list[dict[str, Any]]:
    """Alarms, active ones first, then the newest.

    Raises:
        InvalidError: no such state.
    """
    if state not in STATES:
        raise InvalidError("The state must be active, cleared or all.", field="state")
    query = select(Alarm).order_by(
        col(Alarm.state).not_in(life.ACTIVE_STATES), col(Alarm.id).desc()
    )
    if state == "active":
        query = query.where(col(Alarm.state).in_(life.ACTIVE_STATES))
    elif state == "cleared":
        query = query.where(col(Alarm.state).not_in(life.ACTIVE_STATES))
    if before_id is not None:
        query = query.where(col(Alarm.id) < before_id)
    with database.read() as session:
        return store.shown(session, session.exec(query.limit(limit)).all())


def alarm(database: Database, alarm_id: int) -> dict[str, Any]:
    """One alarm.

    Raises:
        NotFoundError: no such alarm.
    """
    with database.read() as session:
        return store.shown(session, [_row(session, alarm_id)])[0]


def acknowledge(
    database: Database, clock: Clock, actor: Actor, alarm_id: int, note: str
) -> dict[str, Any]:
    """Notes that somebody has seen an alarm and what they say to it.

    Raises:
        NotFoundError: no such alarm.
        ConflictError: somebody did so already.
        InvalidError: the note is too long.
    """
    kept = note.strip()
    if len(kept) > NOTE_CHARS:
        raise InvalidError(f"The note is longer than {NOTE_CHARS} characters.", field="note")
    with database.write() as session:
        row = _row(session, alarm_id)
        if "acknowledge" not in life.ALARM_LIFE[row.state]:
            by = row.acknowledged_by or "the alarm that took its place"
            raise ConflictError(f"This alarm was acknowledged by {by}.")
        row.state = life.step(row.state, "acknowledge")
        row.acknowledged_by = actor.name
        row.acknowledged_s = row.updated_s = clock.now_s()
        row.note = kept
        session.add(row)
        session.flush()
        after = {"cause": row.cause, "object": row.object_id, "note": kept}
        record(session, clock, actor, "alarm.acknowledge", target=f"alarm:{alarm_id}", after=after)
        return store.shown(session, [row])[0]


def switchings(database: Database, clock: Clock) -> list[dict[str, Any]]:
    """Planned switching that goes on or is to come."""
    query = (
        select(PlannedSwitching)
        .where(PlannedSwitching.until_s > clock.now_s())
        .order_by(col(PlannedSwitching.from_s))
    )
    with database.read() as session:
        return [row.model_dump() for row in session.exec(query)]


def plan_switching(
    database: Database,
    clock: Clock,
    actor: Actor,
    *,
    object_kind: str,
    object_id: str,
    from_s: int | None,
    minutes: int,
    reason: str,
) -> dict[str, Any]:
    """Announces that the mains of a node, feeder or cabinet will be off on purpose.

    Raises:
        NotFoundError: no such object.
        InvalidError: times or reason.
    """
    model = _OBJECTS.get(object_kind)
    if model is None:
        raise InvalidError("Name a node, feeder or cabinet.", field="object_kind")
    if not 1 <= minutes <= SWITCHING_MINUTES:
        raise InvalidError(f"It must last 1 to {SWITCHING_MINUTES} minutes.", field="minutes")
    kept = " ".join(reason.split())
    if not kept or len(kept) > NOTE_CHARS:
        raise InvalidError(f"Give a reason of up to {NOTE_CHARS} characters.", field="reason")
    begins_s = clock.now_s() if from_s is None else from_s
    with database.write() as session:
        if session.get(model, object_id) is None:
            raise NotFoundError(f"There is no {object_kind} {object_id!r}.", field="object_id")
        row = PlannedSwitching(
            object_kind=object_kind,
            object_id=object_id,
            from_s=begins_s,
            until_s=begins_s + 60 * minutes,
            reason=kept,
            created_by=actor.name,
            created_s=clock.now_s(),
        )
        session.add(row)
        session.flush()
        after = row.model_dump()
        target = f"{object_kind}:{object_id}"
        record(session, clock, actor, "switching.plan", target=target, after=after)
    return after


def end_switching(
    database: Database, clock: Clock, actor: Actor, switching_id: int
) -> dict[str, Any]:
    """Ends planned switching now.

    Raises:
        NotFoundError: none of that number goes on or is to come.
    """
    with database.write() as session:
        row = session.get(PlannedSwitching, switching_id)
        now_s = clock.now_s()
        if row is None or row.until_s <= now_s:
            raise NotFoundError(f"There is no planned switching {switching_id} to end.")
        before = row.model_dump()
        row.until_s = max(now_s, row.from_s)
        row.from_s = min(row.from_s, now_s)
        session.add(row)
        target = f"{row.object_kind}:{row.object_id}"
        record(session, clock, actor, "switching.end", target=target, before=before)
    return row.model_dump()


def _row(session: Session, alarm_id: int) -> Alarm:
    row = session.get(Alarm, alarm_id)
    if row is None:
        raise NotFoundError(f"There is no alarm {alarm_id}.")
    return row
