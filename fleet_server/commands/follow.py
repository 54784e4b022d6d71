"""Follows what nodes answer: the version that they reached, or the one that they refused.

Subscribed to what ingest has stored. News is folded by node while the database is at work, so a
storm costs memory for the nodes that there are and no more. What came while the server was down
is found in the database at the start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select as plain_select
from sqlmodel import Session

from fleet_server.commands import rules, service
from fleet_server.commands.dispatch import announce, summaries
from fleet_server.commands.rules import Target, Transition
from fleet_server.commands.sightings import event, node_state
from fleet_server.errors import FleetError
from fleet_server.ports import Clock, Database, Hub, StoredBatch, StoredEvent, StoredState
from protocols.messages import DESIRED_REFUSED

RETRY_S = 1.0
UNNAMED = "refused"
Refusal = tuple[int | None, str]
_log = logging.getLogger("cityfleet.commands")


class Follower:
    """The task that moves targets on; one per process."""

    def __init__(self, database: Database, clock: Clock, hub: Hub) -> None:
        self._database = database
        self._clock = clock
        self._hub = hub
        self._versions: dict[str, int] = {}
        self._refusals: dict[str, Refusal] = {}
        self._bell = asyncio.Event()

    def take(self, batch: StoredBatch) -> None:
        """Notes what matters of a stored batch; on the event loop, quick."""
        for item in batch.items:
            if isinstance(item, StoredState):
                known = self._versions.get(item.node_id, -1)
                self._versions[item.node_id] = max(known, item.desired_version)
            elif isinstance(item, StoredEvent) and item.code == DESIRED_REFUSED:
                self._refusals[item.node_id] = refusal_of(item.detail)
            else:
                continue
            self._bell.set()

    async def run(self) -> None:
        """Works until cancelled; what the database refuses now is tried again."""
        work = self.catch_up
        while True:
            try:
                await asyncio.to_thread(work)
                work = self.follow
                await self._bell.wait()
                self._bell.clear()
            except FleetError as error:
                _log.warning("answers wait: %s", error.message)
                await asyncio.sleep(RETRY_S)
            except Exception:
                # The database holds the answers: begin again as after a restart.
                _log.exception("following answers failed")
                work = self.catch_up
                await asyncio.sleep(RETRY_S)

    def follow(self) -> None:
        """Stores what the nodes have answered since the last call."""
        versions, self._versions = self._versions, {}
        refusals, self._refusals = self._refusals, {}
        nodes = sorted(versions.keys() | refusals.keys())
        if not nodes:
            return
        try:
            with self._database.write() as session:
                targets = service.open_targets(session, nodes)
                news = self._store(session, targets, versions, refusals)
        except FleetError:
            self._versions = versions | self._versions
            self._refusals = refusals | self._refusals
            raise
        announce(self._hub, news)

    def catch_up(self) -> None:
        """Takes in what the database holds of answers; once after a start."""
        with self._database.write() as session:
            targets = service.open_targets(session)
            versions, refusals = _stored_answers(session, targets)
            news = self._store(session, targets, versions, refusals)
        announce(self._hub, news)

    def _store(
        self,
        session: Session,
        targets: list[Target],
        versions: Mapping[str, int],
        refusals: Mapping[str, Refusal],
    ) -> list[dict[str, Any]]:
        moves = answers(targets, versions, refusals)
        if not moves:
            return []
        touched = service.apply(session, moves, self._clock.system_now_s())
        return summaries(session, touched)


def answers(
    targets: list[Target], versions: Mapping[str, int], refusals: Mapping[str, Refusal]
) -> list[Transition]:
    """What the nodes' answers do to the targets that wait. Pure.

    Args:
        targets: open targets.
        versions: the highest version that each node reported.
        refusals: the version that each node refused, None where it could not read one, and why.
    """
    moves: list[Transition] = []
    for target in targets:
        reached = rules.reported([target], versions.get(target.node_id, -1))
        if reached:
            moves += reached
        elif target.node_id in refusals:
            version, reason = refusals[target.node_id]
            moves += rules.refused([target], version, reason)
    return moves


def refusal_of(detail: Mapping[str, object]) -> Refusal:
    """Version and reason of a `desired_refused` event; a node may leave out either."""
    version = detail.get("version")
    reason = detail.get("reason") or detail.get("error")
    return (
        version if isinstance(version, int) else None,
        reason if isinstance(reason, str) else UNNAMED,
    )


def _stored_answers(
    session: Session, targets: list[Target]
) -> tuple[dict[str, int], dict[str, Refusal]]:
    """The answers that the database holds for the nodes of these targets."""
    versions: dict[str, int] = {}
    refusals: dict[str, Refusal] = {}
    connection = session.connection()
    for chunk in service.chunks(sorted({target.node_id for target in targets})):
        reached = plain_select(node_state.c.node_id, node_state.c.reported_version)
        for row in connection.execute(reached.where(node_state.c.node_id.in_(chunk))):
            versions[row[0]] = row[1]
        told = (
            plain_select(event.c.node_id, event.c.detail)
            .where(event.c.node_id.in_(chunk), event.c.code == DESIRED_REFUSED)
            .order_by(event.c.received_s)
        )
        for row in connection.execute(told):
            refusal = refusal_of(row[1])
            # Only a refusal that names its version can be told from one of long ago.
            if refusal[0] is not None:
                refusals[row[0]] = refusal
    return versions, refusals
