"""Brings desired documents to the broker: retained, paced, again after every loss.

What waits is in the database (a document whose version the broker has not acknowledged), so a
restart forgets nothing. A click wakes the dispatcher at once. The newest change goes first: an
operator who switches one lamp does not stand in line behind ten thousand.

Left to others: what nodes answer (follow.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from fastapi import Request
from sqlalchemy import bindparam, update
from sqlmodel import Session, col, select

from fleet_server.commands import rules, service
from fleet_server.commands.models import Command, CommandTarget, Desired
from fleet_server.commands.sightings import node_state
from fleet_server.errors import FleetError
from fleet_server.ports import Clock, Database, Hub, Publisher
from protocols import messages, topics

# So many documents are on their way at once; the broker's own limit per client is 100.
ROUND = 64
# A fan-out to 10,000 nodes takes 20 s and leaves the broker time for everything else.
RATE_PER_S = 500
# How soon a connection that came or went is noticed.
LOOK_S = 0.1
RETRY_S = 1.0
# A node that is there but did not answer gets its document again after this time...
RESEND_S = 60
# ...until this one; then only a new connection or a new command sends it again.
RESEND_UNTIL_S = 3600
_log = logging.getLogger("cityfleet.commands")


class Dispatcher:
    """The task that publishes; one per process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        publisher: Publisher,
        hub: Hub,
        hearings: Callable[[], int],
    ) -> None:
        """
        Args:
            database: holds what waits.
            clock: says when silence has lasted too long.
            publisher: the way to the broker.
            hub: the open screens.
            hearings: how often nodes have become audible; each time their answers may have gone
                to a broker that had forgotten us, so whoever owes one is asked again.
        """
        self._database = database
        self._clock = clock
        self._publisher = publisher
        self._hub = hub
        self._hearings = hearings
        self._bell = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake(self) -> None:
        """Says that something waits; from any thread, after the commit. Harmless before `run`."""
        if self._loop is None or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._bell.set)

    async def run(self) -> None:
        """Publishes what waits, until cancelled."""
        self._loop = asyncio.get_running_loop()
        looked_s = self._clock.system_now_s()
        fresh, heard = True, 0
        while True:
            if heard != (heard := self._hearings()):
                fresh = True
            if not self._publisher.connected:
                fresh = True
                await asyncio.sleep(LOOK_S)
                continue
            try:
                now_s = self._clock.system_now_s()
                if fresh or now_s - looked_s >= RESEND_S:
                    await asyncio.to_thread(self.send_again, fresh)
                    fresh, looked_s = False, now_s
                self._bell.clear()
                done, failed = await self.publish_waiting()
            except FleetError as error:
                _log.warning("commands wait: %s", error.message)
                failed, done = 1, 0
            except Exception:
                # What waits is in the database; the next round finds it again.
                _log.exception("publishing commands failed")
                failed, done = 1, 0
            if failed:
                await asyncio.sleep(RETRY_S)
            elif done < ROUND:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._bell.wait()
        except TimeoutError:
            return

    async def publish_waiting(self) -> tuple[int, int]:
        """Publishes up to `ROUND` documents; returns how many went and how many did not."""
        waiting = await asyncio.to_thread(self._waiting)
        if not waiting:
            return 0, 0
        loop = asyncio.get_running_loop()
        began = loop.time()
        results = await asyncio.gather(*(self._publish(*item) for item in waiting))
        sent = {item[0]: item[1] for item, good in zip(waiting, results, strict=True) if good}
        if sent:
            await asyncio.to_thread(self._mark, sent)
        if len(waiting) == ROUND:
            await asyncio.sleep(max(0.0, ROUND / RATE_PER_S - (loop.time() - began)))
        return len(sent), len(waiting) - len(sent)

    async def _publish(self, node_id: str, version: int, document: bytes) -> bool:
        payload = messages.encode_desired(version, service.decode_document(document))
        try:
            await self._publisher.publish(topics.down(node_id, "desired"), payload, retain=True)
        except FleetError as error:
            _log.info("desired state of %s waits: %s", node_id, error.message)
            return False
        return True

    def _waiting(self) -> list[tuple[str, int, bytes]]:
        query = (
            select(Desired.node_id, Desired.version, Desired.document)
            .where(col(Desired.published_version) < col(Desired.version))
            .order_by(col(Desired.changed_s).desc(), col(Desired.node_id))
            .limit(ROUND)
        )
        with self._database.read() as session:
            return [(row[0], row[1], row[2]) for row in session.exec(query)]

    def _mark(self, sent: dict[str, int]) -> None:
        """Notes what the broker has; a document that changed meanwhile goes on waiting."""
        now_s = self._clock.system_now_s()
        statement = (
            update(Desired)
            .where(col(Desired.node_id) == bindparam("_node"))
            .values(published_version=bindparam("_version"))
        )
        rows = [{"_node": node_id, "_version": version} for node_id, version in sent.items()]
        with self._database.write() as session:
            session.connection().execute(statement, rows)
            moves = [
                move
                for target in service.open_targets(session, list(sent))
                for move in rules.published([target], sent[target.node_id])
            ]
            touched = service.apply(session, moves, now_s)
            news = summaries(session, touched)
        announce(self._hub, news)

    def send_again(self, all_open: bool) -> None:
        """Queues documents that may have got lost: after a new link all that wait for an answer,
        otherwise those of nodes that are there and have been silent about it."""
        waiting = select(CommandTarget.node_id).where(CommandTarget.state == rules.SENT)
        if not all_open:
            now_s = self._clock.system_now_s()
            present = select(node_state.c.node_id).where(node_state.c.online)
            waiting = waiting.where(
                col(CommandTarget.changed_s) <= now_s - RESEND_S,
                col(CommandTarget.changed_s) > now_s - RESEND_UNTIL_S,
                col(CommandTarget.node_id).in_(present),
            )
        with self._database.write() as session:
            if not all_open:
                # The broker keeps it for who sleeps: sent again it would only lie there twice.
                waiting = waiting.where(
                    col(CommandTarget.node_id).not_in(_sleepers(session, waiting))
                )
            session.connection().execute(
                update(Desired).where(col(Desired.node_id).in_(waiting)).values(published_version=0)
            )


def _sleepers(session: Session, waiting: Any) -> list[str]:
    """Those of the waiting nodes that sleep between their reports."""
    query = select(node_state.c.node_id, node_state.c.facts).where(
        node_state.c.node_id.in_(waiting)
    )
    rows = session.connection().execute(query)
    return [row[0] for row in rows if isinstance(row[1], dict) and row[1].get("sleep_s")]


def summaries(session: Session, command_ids: Iterable[int]) -> list[dict[str, Any]]:
    """What a list of commands shows of each: the command and its counts by state."""
    wanted = sorted(set(command_ids))
    found: list[dict[str, Any]] = []
    numbers = service.counts(session, wanted)
    for chunk in service.chunks(wanted):
        query = select(Command).where(col(Command.id).in_(chunk)).order_by(col(Command.id))
        for command in session.exec(query):
            assert command.id is not None
            by_state = numbers[command.id]
            found.append(
                command.model_dump(exclude={"created_system_s"})
                | {"counts": by_state, "total": sum(by_state.values())}
            )
    return found


def announce(hub: Hub, news: Iterable[dict[str, Any]]) -> None:
    """Tells open screens about commands that moved."""
    for summary in news:
        hub.publish("command", summary)


def dispatcher_of(request: Request) -> Dispatcher:
    """The process's one dispatcher."""
    dispatcher = request.app.state.dispatcher
    assert isinstance(dispatcher, Dispatcher)
    return dispatcher
