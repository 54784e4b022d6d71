"""Carries rollouts out: offers, follows what nodes report, stops at failures and deadlines.

Each step asks the rules with what the database says and does what they decide in one transaction,
so that a server killed at any point goes on where it was; events that came while it was down are
read back at the start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from sqlmodel import Session, col, func, select

from fleet_server.commands import rules as command_rules
from fleet_server.commands import service as commands
from fleet_server.commands.dispatch import Dispatcher
from fleet_server.commands.dispatch import summaries as command_summaries
from fleet_server.commands.models import CommandTarget
from fleet_server.errors import FleetError
from fleet_server.ports import Clock, Database, Hub, StoredBatch, StoredEvent
from fleet_server.rollouts import rules, store
from fleet_server.rollouts.models import Release, Rollout, RolloutNode
from fleet_server.rollouts.rules import Decision
from fleet_server.telemetry.models import Event
from fleet_server.web import system_actor
from protocols import codec
from protocols.messages import (
    UPDATE_CONFIRMED,
    UPDATE_DOWNLOADED,
    UPDATE_REFUSED,
    UPDATE_ROLLED_BACK,
    UPDATE_TRIAL,
)

EVENT_OF_CODE = {
    UPDATE_DOWNLOADED: "downloaded",
    UPDATE_TRIAL: "trial",
    UPDATE_CONFIRMED: "confirmed",
    UPDATE_REFUSED: "refused",
    UPDATE_ROLLED_BACK: "rolled_back",
}
TICK_S = 1.0
RETRY_S = 1.0
# An open rollout with every node's three to five events; what is lost here is read from the store.
NEWS = 10_000
_ACTOR = system_actor("rollouts")
_log = logging.getLogger("cityfleet.rollouts")


class Executor:
    """The task that carries rollouts out; one per process."""

    def __init__(self, database: Database, clock: Clock, hub: Hub, dispatcher: Dispatcher) -> None:
        self._database = database
        self._clock = clock
        self._hub = hub
        self._dispatcher = dispatcher
        self._news: list[StoredEvent] = []
        self._missed = True
        self._bell = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def take(self, batch: StoredBatch) -> None:
        """Notes what nodes report of their updates; on the event loop, quick."""
        mine = [event for event in batch.events if event.code in EVENT_OF_CODE]
        if not mine:
            return
        if len(self._news) + len(mine) > NEWS:
            self._missed = True
        else:
            self._news += mine
        self._bell.set()

    def wake(self) -> None:
        """Says that somebody changed a rollout; from any thread, after the commit."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bell.set)

    async def run(self) -> None:
        """Works until cancelled; what the database refuses now is tried again."""
        self._loop = asyncio.get_running_loop()
        while True:
            try:
                await asyncio.to_thread(self.step)
            except FleetError as error:
                _log.warning("rollouts wait: %s", error.message)
                await asyncio.sleep(RETRY_S)
            except Exception:
                # One odd rollout must not end the server; the store still holds all of it.
                _log.exception("a step of the rollouts failed")
                self._missed = True
                await asyncio.sleep(RETRY_S)
            try:
                async with asyncio.timeout(TICK_S):
                    await self._bell.wait()
            except TimeoutError:
                pass
            self._bell.clear()

    def step(self) -> None:
        """Takes in what was reported and does what the rules decide now."""
        news, self._news = self._news, []
        missed, self._missed = self._missed, False
        try:
            with self._database.read() as session:
                idle = not (news or missed or self._would_act(session))
            if idle:
                return
            with self._database.write() as session:
                touched = self._follow(session, news)
                if missed:
                    touched |= self._follow(session, self._stored_news(session))
                touched |= self._follow_refused_offers(session)
                sent: list[int] = []
                for rollout in store.live_rollouts(session):
                    if self._carry_out(session, rollout, sent) and rollout.id is not None:
                        touched.add(rollout.id)
                rows = session.exec(select(Rollout).where(col(Rollout.id).in_(touched))).all()
                shown = store.summaries(session, rows)
                orders = command_summaries(session, sent)
        except FleetError:
            self._missed = True
            raise
        if sent:
            self._dispatcher.wake()
        for order in orders:
            self._hub.publish("command", order)
        for summary in shown:
            self._hub.publish("rollout", summary)

    def _would_act(self, session: Session) -> bool:
        """Whether anything is to do; a look without a lock, since mostly there is nothing."""
        live = store.live_rollouts(session)
        if any(self._refused_offers(session, rollout) for rollout in live):
            return True
        return any(self._decide(session, rollout) is not None for rollout in live)

    def _decide(self, session: Session, rollout: Rollout) -> Decision | None:
        """What the rules want of a running rollout; None for nothing."""
        if rollout.state != rules.RUNNING:
            return None
        rows = store.rows_of(session, rollout.id)
        decision = rules.decide(
            store.plan_of(rollout),
            store.progress(session, rows.values(), self._clock.speed),
            phase=rollout.phase,
            accepted_failures=rollout.accepted_failures,
            now_s=self._clock.system_now_s(),
        )
        acts = decision.offer or decision.late or decision.event is not None
        return decision if acts or decision.phase != rollout.phase else None

    def _carry_out(self, session: Session, rollout: Rollout, sent: list[int]) -> bool:
        decision = self._decide(session, rollout)
        if decision is None:
            return False
        rows = store.rows_of(session, rollout.id)
        for node_id in decision.late:
            self._move(session, rows[node_id], "deadline", None)
        if decision.offer:
            sent.append(self._offer(session, rollout, [rows[node] for node in decision.offer]))
        rollout.phase = decision.phase
        if decision.event is not None:
            rollout.state = rules.rollout_step(rollout.state, decision.event)
            rollout.reason = decision.reason
            if decision.event == "finish":
                rollout.ended_s = self._clock.now_s()
            _log.info("rollout %s is %s: %s", rollout.id, rollout.state, rollout.reason)
        session.add(rollout)
        session.flush()
        return True

    def _offer(self, session: Session, rollout: Rollout, nodes: list[RolloutNode]) -> int:
        release = session.get_one(Release, rollout.release_id)
        update = {
            "manifest": release.manifest,
            "signatures": codec.decode(release.signatures),
            "path": "/blobs/" + release.sha256,
        }
        command = commands.change(
            session,
            self._clock,
            _ACTOR,
            node_ids=[node.node_id for node in nodes],
            patch=lambda document: {**document, "update": update},
            kind="update",
            title=f"{release.kind} {release.version}",
            detail={"rollout_id": rollout.id, "release_id": release.id},
        )
        assert command.id is not None
        for node in nodes:
            node.command_id = command.id
            node.offered_system_s = self._clock.system_now_s()
            self._move(session, node, "offer", None)
        return command.id

    def _follow(self, session: Session, news: Iterable[StoredEvent]) -> set[int]:
        """Moves nodes on by their events; returns the rollouts that changed."""
        touched: set[int] = set()
        for event in news:
            row = self._row_for(session, event)
            name = EVENT_OF_CODE[event.code]
            if row is None or not rules.takes(row.state, name):
                continue
            reason = event.detail.get("error") if name in rules.FAILED else None
            self._move(session, row, name, reason if isinstance(reason, str) else None)
            touched.add(row.rollout_id)
        return touched

    def _row_for(self, session: Session, event: StoredEvent) -> RolloutNode | None:
        """The newest rollout's row for the node, if the event speaks of its release."""
        newest = select(func.max(RolloutNode.rollout_id)).where(
            RolloutNode.node_id == event.node_id
        )
        number = session.exec(newest).one()
        row = session.get(RolloutNode, (number, event.node_id)) if number else None
        if row is None:
            return None
        if row.offered_system_s is not None and event.received_s < row.offered_system_s:
            return None
        rollout = session.get_one(Rollout, row.rollout_id)
        counter = event.detail.get("counter")
        if counter is None:
            # A node that could not even read the manifest cannot name its counter.
            return row if row.state in rules.IN_FLIGHT else None
        release = session.get_one(Release, rollout.release_id)
        return row if counter == release.counter else None

    def _stored_news(self, session: Session) -> list[StoredEvent]:
        """The update events since the oldest live rollout began, in order."""
        live = store.live_rollouts(session)
        if not live:
            return []
        since_s = min(rollout.created_system_s for rollout in live)
        members = select(RolloutNode.node_id).where(
            col(RolloutNode.rollout_id).in_([rollout.id for rollout in live])
        )
        query = (
            select(Event)
            .where(
                col(Event.code).in_(EVENT_OF_CODE),
                col(Event.received_s) >= since_s,
                col(Event.node_id).in_(members),
            )
            .order_by(col(Event.received_s), col(Event.boot), col(Event.seq))
        )
        return [StoredEvent(**row.model_dump()) for row in session.exec(query)]

    def _refused_offers(self, session: Session, rollout: Rollout) -> list[tuple[RolloutNode, str]]:
        """Nodes that refused the very document with the offer."""
        query = (
            select(RolloutNode, CommandTarget.reason)
            .join(
                CommandTarget,
                (col(CommandTarget.command_id) == col(RolloutNode.command_id))
                & (col(CommandTarget.node_id) == col(RolloutNode.node_id)),
            )
            .where(
                RolloutNode.rollout_id == rollout.id,
                RolloutNode.state == rules.OFFERED,
                CommandTarget.state == command_rules.REFUSED,
            )
        )
        return [(row, reason or "refused") for row, reason in session.exec(query)]

    def _follow_refused_offers(self, session: Session) -> set[int]:
        touched: set[int] = set()
        for rollout in store.live_rollouts(session):
            for row, reason in self._refused_offers(session, rollout):
                self._move(session, row, "refused", reason)
                touched.add(row.rollout_id)
        return touched

    def _move(self, session: Session, row: RolloutNode, event: str, reason: str | None) -> None:
        row.state = rules.node_step(row.state, event)
        row.reason = reason
        row.changed_s = self._clock.now_s()
        session.add(row)
        session.flush()


def executor_of(state: Any) -> Executor:
    """The process's one executor, from an application's state."""
    executor = state.executor
    assert isinstance(executor, Executor)
    return executor
