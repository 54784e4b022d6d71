"""Answers nodes that ask for a certificate; a subscriber of what ingest has stored, and a task.

What is asked while the server is down is asked again by the node some hours later, and what it says
about a certificate that works is in the store: nothing here has to survive.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging

from fleet_server.errors import FleetError, UnavailableError
from fleet_server.ports import Clock, Database, Hub, Publisher, StoredBatch
from fleet_server.provisioning.ca import DAY_S, Authority
from fleet_server.provisioning.renewal import Answer, confirm, renew
from protocols.limits import MARK_BYTES
from protocols.messages import CERTIFICATE_RENEWED, CERTIFICATE_REQUESTED, encode_certificate
from protocols.topics import down

# Ten thousand nodes that were built in on one day ask within some hours.
WAITING = 1000
TRIES = 3
PAUSE_S = 1.0
_log = logging.getLogger("cityfleet.renewal")


class RenewalResponder:
    """Collects requests on the event loop, answers them one by one from a task of its own."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        publisher: Publisher,
        hub: Hub,
        authority: Authority,
        days: int,
    ) -> None:
        """`days`: how long the certificates are good."""
        self._database = database
        self._clock = clock
        self._publisher = publisher
        self._hub = hub
        self._authority = authority
        self._days = days
        # (node, code) -> its newest request, None where it says that its new certificate works:
        # who asks a thousand times stands in line once. First of all, what was said by whatever
        # node while no server ran.
        self._waiting: dict[tuple[str, int], bytes | None] = {("", CERTIFICATE_RENEWED): None}
        self._bell = asyncio.Event()
        self._idle = asyncio.Event()
        # A day's refusals of one node are one entry of the audit.
        self._audited: dict[str, int] = {}
        self.dropped = 0

    def take(self, batch: StoredBatch) -> None:
        """Notes the requests of a batch; a `ports.Subscriber`."""
        for event in batch.events:
            if event.code == CERTIFICATE_RENEWED:
                request = None
            elif event.code == CERTIFICATE_REQUESTED:
                request = event.detail.get("request")
                if not isinstance(request, bytes):
                    continue
            else:
                continue
            key = event.node_id, event.code
            if key not in self._waiting and len(self._waiting) >= WAITING:
                self.dropped += 1
                continue
            self._waiting[key] = request
            self._idle.clear()
            self._bell.set()

    async def run(self) -> None:
        """Answers until cancelled."""
        while True:
            if not self._waiting:
                self._idle.set()
                self._bell.clear()
                await self._bell.wait()
            (node_id, code) = next(iter(self._waiting))
            request = self._waiting.pop((node_id, code))
            try:
                await self._answer(node_id, request)
            except FleetError as error:
                # The node asks again.
                _log.warning("certificate of %s: %s", node_id or "all", error.message)
            except Exception:
                _log.exception("certificate of %s", node_id or "all")

    async def settled(self) -> None:
        """Waits until nothing waits any more."""
        await self._idle.wait()

    async def _answer(self, node_id: str, request: bytes | None) -> None:
        if request is not None:
            answer = await asyncio.to_thread(self._decide, node_id, request)
            await self._say(node_id, request, answer)
            return
        changed = await asyncio.to_thread(confirm, self._database, (node_id,) if node_id else None)
        self._hub.nodes_changed(changed)

    def _decide(self, node_id: str, request: bytes) -> Answer:
        now_s = self._clock.system_now_s()
        is_news = self._audited.get(node_id, now_s - DAY_S) <= now_s - DAY_S
        answer = renew(
            self._database,
            self._clock,
            self._authority,
            node_id,
            request,
            days=self._days,
            audit_refusal=is_news,
        )
        if answer.reason is not None:
            _log.warning("no certificate for %s: %s", node_id, answer.reason)
            if is_news:
                self._audited[node_id] = now_s
        return answer

    async def _say(self, node_id: str, request: bytes, answer: Answer) -> None:
        mark = hashlib.sha256(request).digest()[:MARK_BYTES]
        payload = encode_certificate(mark, answer.certificate, answer.reason)
        for _ in range(TRIES):
            try:
                await self._publisher.publish(down(node_id, "certificate"), payload)
            except UnavailableError as error:
                _log.info("certificate of %s: %s", node_id, error.message)
                await asyncio.sleep(PAUSE_S)
            else:
                return
        self.dropped += 1
