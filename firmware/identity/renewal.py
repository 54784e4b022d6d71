"""A certificate that is renewed before it ends, over the connection that it still opens.

In the last third of its certificate's life the node makes a key, asks for a certificate with
it (an event, so that the question survives cuts), and asks again until it is answered.
The answer is tried at once on a new connection. The private key never leaves the node.

Left to others: which pair is shown (store.py), the sums (signing.py, loaded only when needed).
"""

import asyncio
import gc
import hashlib
import sys

from firmware.core.log import log
from protocols.errors import ProtocolError
from protocols.limits import MARK_BYTES
from protocols.messages import (
    CERTIFICATE_RENEWAL_FAILED,
    CERTIFICATE_REQUESTED,
    decode_certificate,
)

_STEP_MS = 5000
# After a boot the connection and the actuators come first.
_FIRST_S = 30
_POINT_BYTES = 65
_FOR_REQUESTS = ("request", "signing")


class Renewal:
    """The task, and the handler of the server's answers."""

    def __init__(
        self, node: str, check_s: int, identity: object, emit: object, session: object, chip: object
    ) -> None:
        """`check_s`: how often to look, and to ask again."""
        self._node = node
        self._check_s = check_s
        self._identity = identity
        self._emit = emit
        self._session = session
        self._chip = chip

    async def run(self, beat: object) -> None:
        """Look now and then, for ever."""
        # Nodes that were provisioned on one day do not ask in one minute.
        wait_s = min(_FIRST_S, self._check_s)
        while True:
            wait_ms = wait_s * 1000
            while wait_ms > 0:
                beat()
                await asyncio.sleep_ms(min(wait_ms, _STEP_MS))
                wait_ms -= _STEP_MS
            await self.look(beat)
            wait_s = self._check_s - self._chip.random_bits(20) % (self._check_s // 2 + 1)

    def is_due(self) -> bool:
        """Whether the certificate is in its last third."""
        return self._identity.is_due()

    async def look(self, beat: object) -> None:
        """Ask for a certificate if that is due and can be said."""
        identity = self._identity
        if not self._session.is_connected or not identity.is_due():
            return
        waiting = identity.request()
        if waiting is None:
            log("renewal", "the certificate is in its last third")
            try:
                waiting = await self._make(beat)
                identity.keep_request(waiting[0], waiting[1])
            except OSError as error:
                log("renewal", repr(error))
                return
        self._emit(CERTIFICATE_REQUESTED, {"request": waiting[1]})

    def certificate(self, payload: bytes | None) -> None:
        """The server's answer; one to another request is passed over."""
        waiting = self._identity.request()
        try:
            if payload is None:
                raise ProtocolError("oversized")
            mark, certificate, reason = decode_certificate(payload)
        except ProtocolError as error:
            log("renewal", str(error))
            return
        if waiting is None or mark != mark_of(waiting[1]):
            log("renewal", "an answer to no question of ours")
            return
        key = waiting[0]
        if certificate is not None and key[-_POINT_BYTES:] not in certificate:
            certificate, reason = None, "certificate_mismatch"
        if certificate is None:
            self._identity.forget_request()
            self._emit(CERTIFICATE_RENEWAL_FAILED, {"error": reason})
            return
        try:
            self._identity.try_next(key, certificate)
        except OSError as error:
            log("renewal", repr(error))  # asked again at the next look
            return
        self._session.reconnect()

    async def _make(self, beat: object) -> tuple[bytes, bytes]:
        from firmware.identity.request import new_request
        from firmware.identity.signing import secret_from

        chance = self._chip.random_bits(512).to_bytes(64, "big")
        secret = secret_from(chance, self._identity.secret())
        steps = new_request(self._node, secret)
        try:
            while True:
                next(steps)
                beat()
                # The lamp, the watchdog and the connection go on between two steps.
                await asyncio.sleep_ms(0)
        except StopIteration as done:
            return done.value
        finally:
            _unload()


def mark_of(request: bytes) -> bytes:
    """What the server's answer to a request begins with."""
    return hashlib.sha256(request).digest()[:MARK_BYTES]


def _unload() -> None:
    """Give the heap of the sums back: they are not needed again for a year."""
    package = sys.modules["firmware.identity"]
    for name in _FOR_REQUESTS:
        sys.modules.pop("firmware.identity." + name, None)
        if hasattr(package, name):
            delattr(package, name)
    for name in list(sys.modules):
        if name == "ota" or name.startswith("ota."):
            sys.modules.pop(name)
    gc.collect()
