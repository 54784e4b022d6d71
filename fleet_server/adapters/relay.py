"""Carries stored batches from the ingest's thread to the subscribers on the event loop.

In order, each to all; a subscriber that fails is logged and costs the others
nothing. A few batches may be under way; then the ingest waits, so that a loop
that is behind slows the ingest instead of filling the memory.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence

from fleet_server.ports import StoredBatch, Subscriber

UNDER_WAY = 8
WAIT_S = 5.0
_log = logging.getLogger("cityfleet.relay")


class Relay:
    """One per process; made on the event loop."""

    def __init__(self, subscribers: Sequence[Subscriber]) -> None:
        self._subscribers = tuple(subscribers)
        self._loop = asyncio.get_running_loop()
        self._room = threading.Semaphore(UNDER_WAY)

    def put(self, batch: StoredBatch) -> None:
        """Hands a batch over; called in the ingest's thread."""
        if not batch.items:
            return
        had_room = self._room.acquire(timeout=WAIT_S)
        if not had_room:
            # Going on is right: the batch is stored, and the loop will come to it.
            _log.error("the event loop is more than %.0f s behind", WAIT_S)
        try:
            self._loop.call_soon_threadsafe(self._deliver, batch, had_room)
        except RuntimeError:
            # The loop has ended; whoever missed it reads the store at the next start.
            _log.info("a stored batch came after the end of the event loop")

    def _deliver(self, batch: StoredBatch, had_room: bool) -> None:
        if had_room:
            self._room.release()
        for subscriber in self._subscribers:
            try:
                subscriber(batch)
            except Exception:
                _log.exception("a subscriber failed on a stored batch")
