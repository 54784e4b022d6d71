"""What became of update orders, on flash: so that a refused one is not tried for ever, and
that a rolled back one is still known by name after the reboots.

An order's mark is the SHA-256 over its manifest and signatures.
"""

import hashlib

from firmware.core.storage import read_checked, remove, write_checked
from protocols.codec import decode, encode
from protocols.errors import ProtocolError

_REFUSED = "state/update_refused"
_TRIAL = "state/update_trial"


def mark_of(update: dict) -> bytes:
    """The name of an order: 32 bytes."""
    digest = hashlib.sha256(update["manifest"])
    digest.update(encode(update["signatures"]))
    return digest.digest()


class Outcome:
    """The stored end of one order."""

    def __init__(
        self,
        mark: bytes,
        error: str,
        counter: int | None,
        version: str | None,
        desired_version: int,
    ) -> None:
        self.mark = mark
        self.error = error
        self.counter = counter
        self.version = version
        # The desired state that carried it; 0 where a new one changes nothing.
        self.desired_version = desired_version

    def detail(self) -> dict:
        """For the event."""
        return {"counter": self.counter, "version": self.version, "error": self.error}


def load_refused() -> Outcome | None:
    """The last refusal, if there is one."""
    return _load(_REFUSED)


def save_refused(outcome: Outcome) -> None:
    """Remember a refusal."""
    _save(_REFUSED, outcome)


def forget_refused() -> None:
    """The server withdrew the order."""
    remove(_REFUSED)


def load_trial() -> Outcome | None:
    """The order whose application is, or was, on trial."""
    return _load(_TRIAL)


def save_trial(outcome: Outcome) -> None:
    """Remember what is put on trial; its error is what a roll-back will be called."""
    _save(_TRIAL, outcome)


def _load(path: str) -> Outcome | None:
    data, _ = read_checked(path)
    if data is None:
        return None
    try:
        items = decode(data)
    except ProtocolError:
        return None  # stored by another application
    return Outcome(*items) if isinstance(items, list) and len(items) == 5 else None


def _save(path: str, outcome: Outcome) -> None:
    items = [outcome.mark, outcome.error, outcome.counter, outcome.version, outcome.desired_version]
    write_checked(path, encode(items))
