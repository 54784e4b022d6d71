"""Looks at the evidence on everything new and at least once a second, and keeps the alarms.

Subscribed to what ingest has stored. Evidence and active alarms are held in memory and rebuilt
from the database at the start, so a restart neither raises an alarm twice nor forgets one.

Left to others: what the evidence means (rules.py and its siblings), the tables (store.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from fastapi import Request
from sqlmodel import col, select

from fleet_server.alarms import store
from fleet_server.alarms.decide import decide
from fleet_server.alarms.evidence import Evidence, fold_all
from fleet_server.alarms.life import Change, Clear, OpenAlarm, Raise, Update, opened, updated
from fleet_server.alarms.models import Alarm
from fleet_server.alarms.observe import observations
from fleet_server.alarms.situation import Policy, Situation
from fleet_server.alarms.store import Moment
from fleet_server.alarms.topology import Topology, build
from fleet_server.errors import FleetError
from fleet_server.ports import Clock, Database, Hub, StoredBatch
from fleet_server.settings import Settings

# The rules look at least so often: a confirmation time ends without a message.
TICK_S = 0.5
# And at most so often, whatever rains in.
PAUSE_S = 0.25
# The registry changes by hand; a new node is looked up at once.
RELOAD_S = 10
RETRY_S = 1.0
_log = logging.getLogger("cityfleet.alarms")


def policy_of(settings: Settings) -> Policy:
    """The delays that follow from the two that an operator sets."""
    confirm_s = settings.outage_confirm_s
    return Policy(
        outage_confirm_s=confirm_s,
        restore_hold_s=settings.restore_hold_s,
        # Last gasps of one cut arrive within seconds; half a minute bears a bad network too.
        correlation_s=max(15, confirm_s),
        communication_confirm_s=3 * confirm_s,
        stale_s=settings.stale_s,
        straggler_s=max(120, 4 * confirm_s),
    )


class AlarmWatch:
    """The task that raises and clears; one per process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        hub: Hub,
        policy: Policy,
        hears: Callable[[], bool] = lambda: True,
    ) -> None:
        """
        Args:
            database: where evidence and alarms lie.
            clock: both clocks.
            hub: told of every change.
            policy: the delays.
            hears: whether our own link from the broker stands.
        """
        self._database = database
        self._clock = clock
        self._hub = hub
        self._policy = policy
        self.hears = hears
        self._topology: Topology = build([], [], [])
        self._excused: dict[str, int] = {}
        self._evidence: dict[str, Evidence] = {}
        self._active: dict[int, OpenAlarm] = {}
        self._link_up_s: int | None = None
        self._loaded_s = 0
        self._bell = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stale = True
        self._ready = False
        self._early: list[StoredBatch] = []

    def take(self, batch: StoredBatch) -> None:
        """Folds a stored batch into the evidence; on the event loop, quick."""
        if not self._ready:
            # What is loaded meanwhile may hold it already; folding it twice changes nothing.
            self._early.append(batch)
            return
        seen = observations(batch.items)
        self._evidence.update(fold_all(self._evidence, seen))
        if any(item.node_id not in self._topology.places for item in seen):
            self._stale = True
        self._bell.set()

    def reload(self) -> None:
        """Says that topology or planned switching changed; from any thread."""
        self._stale = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bell.set)

    async def run(self) -> None:
        """Watches until cancelled; what the database refuses now is tried again."""
        self._loop = asyncio.get_running_loop()
        while not self._ready:
            try:
                await self.load()
            except FleetError as error:
                _log.warning("alarms wait: %s", error.message)
                await asyncio.sleep(RETRY_S)
        while True:
            try:
                await self.look()
            except FleetError as error:
                _log.warning("alarms wait: %s", error.message)
                await asyncio.sleep(RETRY_S)
            except Exception:
                # A watch that ends because of one odd case is worse than the case.
                _log.exception("looking at the evidence failed")
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(PAUSE_S)
            try:
                async with asyncio.timeout(TICK_S):
                    await self._bell.wait()
            except TimeoutError:
                pass
            self._bell.clear()

    async def load(self) -> None:
        """Rebuilds evidence and active alarms from the database; before the first `look`."""
        self._evidence, self._active = await asyncio.to_thread(self._load)
        self._ready = True
        early, self._early = self._early, []
        for batch in early:
            self.take(batch)

    async def look(self) -> None:
        """Looks once and carries out what the rules decide."""
        moment = self._moment()
        self._watch_link(moment.system_now_s)
        if self._stale or moment.system_now_s - self._loaded_s >= RELOAD_S:
            self._stale = False
            self._topology, self._excused = await asyncio.to_thread(self._read_supply, moment)
            self._loaded_s = moment.system_now_s
        situation = Situation(
            self._topology,
            dict(self._evidence),
            self._policy,
            moment.system_now_s,
            self._link_up_s,
            self._excused,
            moment.speed,
        )
        await asyncio.to_thread(self._decide, situation, moment)

    def _decide(self, situation: Situation, moment: Moment) -> None:
        changes = decide(situation, list(self._active.values()))
        if not changes:
            return
        with self._database.write() as session:
            done = store.carry_out(session, changes, self._topology, moment)
            touched = {number for _, number in done}
            for change, _ in done:
                touched.update(getattr(change, "absorbs", ()))
            query = select(Alarm).where(col(Alarm.id).in_(touched))
            news = store.shown(session, session.exec(query).all())
        for change, number in done:
            self._note(change, number)
        for alarm in news:
            self._hub.publish("alarm", alarm)

    def _note(self, change: Change, number: int) -> None:
        match change:
            case Raise():
                self._active[number] = opened(number, change.verdict)
                _log.info("alarm %d: %s", number, change.verdict)
            case Update():
                self._active[number] = updated(self._active[number], change)
            case Clear():
                del self._active[number]
        for absorbed in getattr(change, "absorbs", ()):
            self._active.pop(absorbed, None)

    def _watch_link(self, now_s: int) -> None:
        if not self.hears():
            self._link_up_s = None
        elif self._link_up_s is None:
            self._link_up_s = now_s

    def _load(self) -> tuple[dict[str, Evidence], dict[int, OpenAlarm]]:
        with self._database.read() as session:
            return store.load_evidence(session), store.open_alarms(session)

    def _read_supply(self, moment: Moment) -> tuple[Topology, dict[str, int]]:
        with self._database.read() as session:
            topology = store.load_topology(session)
            return topology, store.load_excuses(session, topology, moment)

    def _moment(self) -> Moment:
        clock = self._clock
        return Moment(clock.now_s(), clock.system_now_s(), clock.speed)


def watch_of(request: Request) -> AlarmWatch:
    """The process's one watch."""
    watch: Any = request.app.state.alarm_watch
    assert isinstance(watch, AlarmWatch)
    return watch
