"""The shadow: what the server wants of this node, and what the node has reached.

A desired document is checked whole, stored, and only then in force and reported; so what
was acknowledged survives any cut. A bad one leaves the last good state in force and gives a
named error. Versions never go back.
"""

from firmware.core.log import log
from firmware.core.storage import read_checked, write_checked
from protocols.codec import decode
from protocols.errors import OVERSIZED, ProtocolError
from protocols.limits import TEXT_BYTES
from protocols.messages import DESIRED_REFUSED, decode_desired

_FILE = "state/desired.cbor"
STALE = "stale_version"
HEAP = "heap_exhausted"
STORAGE = "storage_failure"


class Shadow:
    """Desired and reported state of one node."""

    def __init__(self, emit: object) -> None:
        """`emit(code, detail)` queues an event."""
        self._emit = emit
        self.version = 0
        self.document = {}
        # The name of what is wrong with the last document that came, None if it was good.
        self.error = None

    def load(self) -> None:
        """Take up the stored state; a damaged one leaves the defaults and a named error."""
        data, damaged = read_checked(_FILE)
        if damaged:
            self.error = "desired_damaged"
        if data is None:
            return
        try:
            self.version, self.document = decode_desired(data)
        except ProtocolError as error:
            # Stored by an application with another contract.
            self.error = "desired_" + error.reason
            log("shadow", "stored state: " + str(error))

    def take(self, payload: bytes | None) -> bool:
        """Take a desired document as it came, None for one that was too large to hold.

        Returns:
            Whether a new state is in force.
        """
        if payload == b"":
            return False  # the retained message was cleared
        try:
            if payload is None:
                raise ProtocolError(OVERSIZED, "desired document")
            version, document = decode_desired(payload)
        except ProtocolError as error:
            self._refuse(_version_of(payload), error.reason, error.detail)
            return False
        except MemoryError:
            # Taken for lost, it would come again with each connection, for ever.
            self._refuse(None, HEAP, "")
            return False
        if version == self.version:
            return False
        if version < self.version:
            self._refuse(version, STALE, "at %d" % self.version)
            return False
        try:
            write_checked(_FILE, payload)
        except OSError as error:
            # It is retained: the next connection brings it again.
            self._refuse(version, STORAGE, repr(error))
            return False
        self.version = version
        self.document = document
        self.error = None
        return True

    def _refuse(self, version: int | None, reason: str, detail: str) -> None:
        log("shadow", "refused: %s, %s" % (reason, detail))
        self.error = "desired_" + reason
        self._emit(
            DESIRED_REFUSED,
            {"version": version, "reason": reason, "detail": detail[: TEXT_BYTES // 4]},
        )


def _version_of(payload: bytes | None) -> int | None:
    """The version that a bad document claims, if it can be read at all."""
    try:
        items = decode(payload) if payload is not None else None
    except ProtocolError:
        return None
    if isinstance(items, list) and len(items) > 1 and type(items[1]) is int:
        return items[1] if 0 <= items[1] < 1 << 63 else None
    return None
