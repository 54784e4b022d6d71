"""Gives commands and keeps their targets: everything that writes the shadow's tables.

    command = change(session, clock, actor, node_ids=[...], patch=set_calendar, kind="schedule",
                     title="Night program")
    # after the commit: dispatcher.wake()

Whoever calls `change` audits it under its own noun and wakes the dispatcher after its commit.
Left to others: publishing (dispatch.py), what nodes answer (follow.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from sqlalchemy import bindparam, func, insert, update
from sqlalchemy import select as plain_select
from sqlmodel import Session, col, select

from fleet_server.commands import rules
from fleet_server.commands.models import Command, CommandTarget, Desired
from fleet_server.commands.rules import Document, Target, Transition
from fleet_server.commands.sightings import node_state
from fleet_server.errors import InvalidError, NotFoundError, TooLargeError
from fleet_server.ports import Clock
from fleet_server.registry.models import Node
from fleet_server.web import Actor
from protocols import codec, messages
from protocols.errors import OVERSIZED, ProtocolError
from protocols.limits import DOWN_BYTES

Patch = Callable[[Document], Document]
# Well below SQLite's limit on the parameters of one statement.
_CHUNK = 500


def change(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    node_ids: Sequence[str],
    patch: Patch,
    kind: str,
    title: str,
    detail: dict[str, Any] | None = None,
) -> Command:
    """Changes one aspect of the documents of some nodes and tracks it as a command.

    Args:
        session: the write session; nothing is committed here.
        clock: gives both times of the command.
        actor: who asks for it.
        node_ids: whom it is for; repeated ones count once.
        patch: the document as it is -> as it shall be; pure.
        kind: a key of `rules.ASPECT_OF_KIND`.
        title: the changed thing's own name or figure, in no particular language.
        detail: what a screen may want to show of it.

    Raises:
        InvalidError: for nobody, or a patch that breaks the contract.
        NotFoundError: a node that does not exist or is retired.
        TooLargeError: a document that no node would take.
    """
    wanted = sorted(set(node_ids))
    _check_nodes(session, wanted)
    aspect = rules.aspect_of(kind)
    now_s = clock.system_now_s()
    command = Command(
        kind=kind,
        title=title,
        detail=detail or {},
        created_by=actor.name,
        created_s=clock.now_s(),
        created_system_s=now_s,
    )
    session.add(command)
    session.flush()
    assert command.id is not None
    waiting = open_targets(session, wanted)
    apply(session, rules.superseded(waiting, aspect), now_s)
    versions = _write_documents(session, wanted, patch, now_s)
    rows = [
        {
            "command_id": command.id,
            "node_id": node_id,
            "aspect": aspect,
            "version": version,
            "state": rules.QUEUED,
            "reason": None,
            "changed_s": now_s,
        }
        for node_id, version in versions.items()
    ]
    session.connection().execute(insert(CommandTarget), rows)
    return command


def document_of(session: Session, node_id: str) -> tuple[int, Document]:
    """A node's version and desired document; (0, empty) before its first command."""
    row = session.get(Desired, node_id)
    if row is None:
        return 0, rules.empty_document()
    return row.version, decode_document(row.document)


def desired_versions(session: Session, node_ids: Sequence[str] | None) -> dict[str, int]:
    """The version that the server wants of some nodes, or of all; absent before a command."""
    query = select(Desired.node_id, Desired.version)
    if node_ids is None:
        return dict(session.exec(query).all())
    found: dict[str, int] = {}
    for chunk in chunks(node_ids):
        found.update(session.exec(query.where(col(Desired.node_id).in_(chunk))).all())
    return found


def decode_document(data: bytes) -> Document:
    """A stored document; only `change` ever stores one, so it is a map."""
    document = codec.decode(data)
    assert isinstance(document, dict)
    return cast(Document, document)


def open_targets(session: Session, node_ids: Sequence[str] | None = None) -> list[Target]:
    """The targets that still wait, of some nodes or of all."""
    query = select(CommandTarget).where(col(CommandTarget.state).in_(rules.OPEN_STATES))
    if node_ids is None:
        return [_target(row) for row in session.exec(query)]
    found: list[Target] = []
    for chunk in chunks(node_ids):
        found += [
            _target(row) for row in session.exec(query.where(col(CommandTarget.node_id).in_(chunk)))
        ]
    return found


def apply(session: Session, transitions: Iterable[Transition], now_s: int) -> set[int]:
    """Stores transitions; returns the commands that they touch."""
    rows: list[dict[str, Any]] = [
        {
            "_command": move.target.command_id,
            "_node": move.target.node_id,
            "_before": move.target.state,
            "state": move.state,
            "reason": move.reason,
            "changed_s": now_s,
        }
        for move in transitions
        if move.state != move.target.state
    ]
    if rows:
        table = CommandTarget
        session.connection().execute(
            update(table)
            .where(
                col(table.command_id) == bindparam("_command"),
                col(table.node_id) == bindparam("_node"),
                # Somebody else may have moved it since it was read.
                col(table.state) == bindparam("_before"),
            )
            .values(
                state=bindparam("state"),
                reason=bindparam("reason"),
                changed_s=bindparam("changed_s"),
            ),
            rows,
        )
    return {row["_command"] for row in rows}


def counts(session: Session, command_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many targets of each command are in which state."""
    found = {command_id: dict.fromkeys(rules.TARGET_LIFE, 0) for command_id in command_ids}
    for chunk in chunks(sorted(found)):
        query = (
            select(CommandTarget.command_id, CommandTarget.state, func.count())
            .where(col(CommandTarget.command_id).in_(chunk))
            .group_by(col(CommandTarget.command_id), col(CommandTarget.state))
        )
        for command_id, state, number in session.exec(query):
            found[command_id][state] = number
    return found


def chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Pieces small enough for one statement."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _check_nodes(session: Session, wanted: list[str]) -> None:
    if not wanted:
        raise InvalidError("There is no node to do this to.", code="no_nodes", field="node_ids")
    known: set[str] = set()
    for chunk in chunks(wanted):
        query = select(Node.id).where(col(Node.id).in_(chunk), Node.state != "retired")
        known.update(session.exec(query))
    missing = [node_id for node_id in wanted if node_id not in known]
    if missing:
        raise NotFoundError(f"There is no node {missing[0]!r}.", field="node_ids")


def _write_documents(
    session: Session, wanted: list[str], patch: Patch, now_s: int
) -> dict[str, int]:
    """Patches every document and gives it its next version."""
    old: dict[str, tuple[int, bytes]] = {}
    for chunk in chunks(wanted):
        query = select(Desired.node_id, Desired.version, Desired.document)
        for node_id, version, document in session.exec(
            query.where(col(Desired.node_id).in_(chunk))
        ):
            old[node_id] = (version, document)
    reported = _reported_versions(session, wanted)
    empty = codec.encode(rules.empty_document())
    # Most nodes of a group have equal documents: each is patched and checked once.
    patched: dict[bytes, bytes] = {}
    changed: list[dict[str, Any]] = []
    added: list[dict[str, Any]] = []
    versions: dict[str, int] = {}
    for node_id in wanted:
        version, document = old.get(node_id, (0, empty))
        if document not in patched:
            patched[document] = _encoded(patch(decode_document(document)))
        # A node may be ahead of us after the store was restored from a backup.
        version = max(version, reported.get(node_id, 0)) + 1
        versions[node_id] = version
        if node_id in old:
            row = {"_node": node_id, "_version": version, "_document": patched[document]}
            changed.append(row | {"_changed": now_s})
        else:
            added.append(
                {
                    "node_id": node_id,
                    "version": version,
                    "document": patched[document],
                    "changed_s": now_s,
                    "published_version": 0,
                }
            )
    connection = session.connection()
    if changed:
        statement = update(Desired).where(col(Desired.node_id) == bindparam("_node"))
        connection.execute(
            statement.values(
                version=bindparam("_version"),
                document=bindparam("_document"),
                changed_s=bindparam("_changed"),
            ),
            changed,
        )
    if added:
        connection.execute(insert(Desired), added)
    return versions


def _reported_versions(session: Session, node_ids: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunks(node_ids):
        query = plain_select(node_state.c.node_id, node_state.c.reported_version)
        for row in session.connection().execute(query.where(node_state.c.node_id.in_(chunk))):
            found[row[0]] = row[1]
    return found


def _encoded(document: Document) -> bytes:
    """A document's bytes, after the same check that a node makes.

    Raises:
        InvalidError: nodes would refuse it.
        TooLargeError: it does not fit the wire.
    """
    try:
        messages.check_desired(document)
        data = codec.encode(document)
    except ProtocolError as error:
        if error.reason == OVERSIZED:
            raise TooLargeError("This is more than a node can take.") from error
        raise InvalidError(f"No node would take this: {error}.", code=error.reason) from error
    # The version and the frame around it take a few bytes more.
    if len(data) > DOWN_BYTES - 16:
        raise TooLargeError("This is more than a node can take.")
    return data


def _target(row: CommandTarget) -> Target:
    return Target(row.command_id, row.node_id, row.aspect, row.version, row.state)
