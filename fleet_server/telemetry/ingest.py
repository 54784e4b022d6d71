"""The ingest: a bounded queue, and one thread that commits batches and then acknowledges.

    ingest = Ingest(write, clock, deliver)
    ingest.start()
    ingest.offer(Arrival(message, acknowledge), may_drop=False)   # from the client's thread
    ingest.stop()                                  # what is queued stays unacknowledged

A message is acknowledged after the commit that holds it, so the process may
be killed at any instant: the broker sends again what was not acknowledged,
and what was stored already is recognised by (node, boot, seq). A store that
fails (busy, disk full) is tried again for ever while the broker keeps the
messages; a message that the store will not take is counted and passed over.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
)

from fleet_server.errors import UnavailableError
from fleet_server.ports import Clock
from fleet_server.telemetry.refusals import Message
from fleet_server.telemetry.store import Outcome, refuse_unstorable, store_batch

# More than the broker keeps in flight towards us, so a QoS 1 message always finds room.
QUEUE = 4000
BATCH = 500
# How long the first message of a batch may wait for company. A commit costs about
# as much, so more would not help; a lone message is through in well under a second.
GATHER_S = 0.05
RETRY_FIRST_S = 0.1
RETRY_LAST_S = 5.0
STOP_S = 2.0
OFFER_S = 0.25
_log = logging.getLogger("cityfleet.ingest")

Write = Callable[[], AbstractContextManager[Connection]]
# Called in the ingest's thread after each commit; must not raise and may wait a moment.
Deliver = Callable[[Outcome], None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, and how to tell the broker that it is safe."""

    message: Message
    acknowledge: Callable[[], None]


class Ingest:
    """See the module."""

    def __init__(self, write: Write, clock: Clock, deliver: Deliver) -> None:
        self._write = write
        self._clock = clock
        self._deliver = deliver
        self._queue: queue.Queue[Arrival | None] = queue.Queue(QUEUE)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._storing = True
        self.dropped = 0

    @property
    def storing(self) -> bool:
        """Whether the last attempt to store succeeded."""
        return self._storing and (self._thread.is_alive() or not self._thread.ident)

    @property
    def waiting(self) -> int:
        """Messages in the queue."""
        return self._queue.qsize()

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def offer(self, arrival: Arrival, *, may_drop: bool) -> None:
        """Queues a message. What waits here is back-pressure: the broker is not read meanwhile.

        Args:
            arrival: the message.
            may_drop: it came with QoS 0: half the queue is kept free of such, beyond
                that they are dropped and counted.
        """
        if may_drop and self._queue.qsize() >= QUEUE // 2:
            self.dropped += 1
            return
        while not self._stopping.is_set():
            try:
                self._queue.put(arrival, timeout=OFFER_S)
            except queue.Full:
                continue
            return

    def stop(self) -> None:
        """Ends after the batch in hand; waits for that at most STOP_S."""
        self._stopping.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            # Then the thread is not waiting for one either.
            _log.warning("ending with a full queue; the broker has it all")
        self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            batch = self._gather()
            if batch:
                self._store(batch)

    def _gather(self) -> list[Arrival]:
        first = self._queue.get()
        if first is None:
            return []
        batch = [first]
        end = time.monotonic() + GATHER_S
        while len(batch) < BATCH:
            left_s = end - time.monotonic()
            try:
                arrival = (
                    self._queue.get(timeout=left_s) if left_s > 0 else self._queue.get_nowait()
                )
            except queue.Empty:
                break
            if arrival is None:
                break
            batch.append(arrival)
        return batch

    def _store(self, batch: list[Arrival]) -> None:
        """Stores the batch, however long the store is away; gives up only at the end."""
        messages = [arrival.message for arrival in batch]
        poison: Exception | None = None
        pause_s = RETRY_FIRST_S
        while not self._stopping.is_set():
            try:
                outcome = (
                    self._commit(messages) if poison is None else self._refuse(messages[0], poison)
                )
            except Exception as error:
                if _is_passing(error):
                    self._storing = False
                    _log.error("cannot store: %s; again in %.1f s", _short(error), pause_s)
                    self._stopping.wait(pause_s)
                    pause_s = min(pause_s * 2, RETRY_LAST_S)
                    continue
                if len(batch) > 1:
                    _log.exception("the store refused a batch; its messages go one by one")
                    for arrival in batch:
                        self._store([arrival])
                    return
                if poison is None:
                    poison = error
                    continue
                _log.exception("not even its refusal can be stored; a message is passed over")
                self.dropped += 1
                batch[0].acknowledge()
                return
            self._finish(batch, outcome)
            return

    def _commit(self, messages: Sequence[Message]) -> Outcome:
        with self._write() as connection:
            return store_batch(
                connection, messages, self._clock.now_s(), self._clock.system_now_s()
            )

    def _refuse(self, message: Message, error: Exception) -> Outcome:
        with self._write() as connection:
            return refuse_unstorable(connection, message, error, self._clock.now_s())

    def _finish(self, batch: list[Arrival], outcome: Outcome) -> None:
        self._storing = True
        for arrival in batch:
            arrival.acknowledge()
        self._deliver(outcome)


def _is_passing(error: Exception) -> bool:
    """Whether the fault is the store's and may pass, not the message's."""
    if isinstance(error, DBAPIError):
        return not isinstance(error, (DataError, IntegrityError, InterfaceError, ProgrammingError))
    return isinstance(error, UnavailableError)


def _short(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
