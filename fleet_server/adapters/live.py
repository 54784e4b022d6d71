"""The live hub: news from any thread to open screens over bounded queues.

A subscriber that reads too slowly loses what it had not read and gets one
`resync` in its place: its screen then loads the whole anew. Changed nodes are
collected and sent together by `run`, at most four times a second.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

QUEUE = 64
FLUSH_S = 0.25
RETRY_S = 1.0
# A message of this many nodes stays below 500 kB.
NODES_PER_MESSAGE = 500
RESYNC = "resync"

News = tuple[str, dict[str, Any]]
ReadNodes = Callable[[list[str]], Awaitable[list[dict[str, Any]]]]
_log = logging.getLogger("cityfleet.live")


class Subscription:
    """One open screen's queue; lives on the event loop."""

    def __init__(self) -> None:
        self._items: deque[News] = deque()
        self._ready = asyncio.Event()
        self._closed = False

    def put(self, news: News) -> None:
        """Adds one item; a full queue is replaced by one `resync`."""
        if len(self._items) >= QUEUE:
            self._items.clear()
            self._items.append((RESYNC, {}))
        else:
            self._items.append(news)
        self._ready.set()

    def close(self) -> None:
        """Ends the iteration after what is queued."""
        self._closed = True
        self._ready.set()

    def __aiter__(self) -> AsyncIterator[News]:
        return self

    async def __anext__(self) -> News:
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._items.popleft()


class LiveHub:
    """Implements `ports.Hub`; `start` binds it to the running event loop."""

    def __init__(self) -> None:
        self._subscribers: set[Subscription] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: dict[str, None] = {}
        self._lock = threading.Lock()
        self._closed = False

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """To every subscriber; without an event loop there are none and nothing happens."""
        loop = self._loop
        if loop is None or not self._subscribers:
            return
        try:
            loop.call_soon_threadsafe(self._deliver, (event, data))
        except RuntimeError:
            # The loop closed between the look and the call: nobody listens any more.
            return

    def nodes_changed(self, node_ids: Iterable[str]) -> None:
        """Marks nodes for the next flush."""
        with self._lock:
            self._changed.update(dict.fromkeys(node_ids))

    @contextmanager
    def subscribe(self) -> Generator[Subscription]:
        """A subscription that ends with its block, or when the hub closes."""
        self._loop = asyncio.get_running_loop()
        subscription = Subscription()
        if self._closed:
            subscription.close()
        self._subscribers.add(subscription)
        try:
            yield subscription
        finally:
            self._subscribers.discard(subscription)

    async def run(self, read_nodes: ReadNodes) -> None:
        """Sends changed nodes until cancelled; a failed reading is logged, its nodes kept.

        Args:
            read_nodes: node ids -> what a screen shows of them.
        """
        self._loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(FLUSH_S)
            changed = self._take()
            if not changed or not self._subscribers:
                continue
            try:
                nodes = await read_nodes(changed)
            except Exception:
                _log.exception("reading changed nodes failed")
                self.nodes_changed(changed)
                await asyncio.sleep(RETRY_S)
                continue
            self._deliver(("node", {"nodes": nodes}))

    def close(self) -> None:
        """Ends every subscription, so that open streams end by themselves."""
        self._closed = True
        for subscription in list(self._subscribers):
            subscription.close()

    def _take(self) -> list[str]:
        with self._lock:
            taken = list(self._changed)[:NODES_PER_MESSAGE]
            for node_id in taken:
                del self._changed[node_id]
            return taken

    def _deliver(self, news: News) -> None:
        for subscription in list(self._subscribers):
            subscription.put(news)
