"""Answers a node that asks whether the server hears it: the same nonce, back.

A node on trial after an update confirms itself only when this answer came, so
it must come from what has really stored the request.
"""

from __future__ import annotations

import asyncio
import logging

from fleet_server.errors import UnavailableError
from fleet_server.ports import Publisher, StoredBatch
from protocols.errors import ProtocolError
from protocols.limits import NONCE_BYTES
from protocols.messages import ECHO_REQUEST, encode_echo
from protocols.topics import down

# A rollout updates ten at a time; a node asks again when it hears nothing.
WAITING = 1000
# A request older than this has been asked again.
TRIES = 3
PAUSE_S = 1.0
_log = logging.getLogger("cityfleet.echo")


class EchoResponder:
    """Collects requests on the event loop, answers them from a task of its own."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING)
        self.dropped = 0

    def on_stored(self, batch: StoredBatch) -> None:
        """Notes the requests of a batch; a `ports.Subscriber`."""
        for event in batch.events:
            nonce = event.detail.get("nonce")
            if event.code != ECHO_REQUEST or not isinstance(nonce, bytes):
                continue
            if len(nonce) > NONCE_BYTES or self._waiting.full():
                self.dropped += 1
                continue
            self._waiting.put_nowait((event.node_id, nonce))

    async def run(self) -> None:
        """Answers until cancelled."""
        while True:
            node_id, nonce = await self._waiting.get()
            try:
                await self._answer(node_id, encode_echo(nonce))
            except ProtocolError as error:
                _log.warning("echo for %s: %s", node_id, error)

    async def _answer(self, node_id: str, payload: bytes) -> None:
        for _ in range(TRIES):
            try:
                await self._publisher.publish(down(node_id, "echo"), payload)
            except UnavailableError as error:
                _log.info("echo for %s: %s", node_id, error.message)
                await asyncio.sleep(PAUSE_S)
            else:
                return
        self.dropped += 1
