"""What the capabilities need from the outside world, as types only.

`adapters/` implements these; `main.py` joins the two and hands every request
and task one `Services`. Nothing here does I/O.

Two clocks: the city's civil time, which a demo may let run faster, and the
machine's own, which sessions, certificates and confirmation delays go by.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sqlmodel import Session

    from fleet_server.settings import Settings


class Clock(Protocol):
    """City time and machine time, both in whole unix seconds."""

    @property
    def speed(self) -> float:
        """How many city seconds pass in one real second."""
        ...

    def now_s(self) -> int:
        """City civil time: calendars, overrides, what a node's `at_s` says."""
        ...

    def system_now_s(self) -> int:
        """Machine time: sessions, certificates, confirmation delays."""
        ...


class Database(Protocol):
    """Sessions on the store. Never hold one across an `await`."""

    def read(self) -> AbstractContextManager[Session]:
        """One consistent snapshot; what is changed in it is rolled back."""
        ...

    def write(self) -> AbstractContextManager[Session]:
        """One transaction: committed at the end of the block, rolled back on an exception.

        Writers stand in line; objects stay readable after the block.

        Raises:
            UnavailableError: the line did not move in time.
        """
        ...


class Publisher(Protocol):
    """The server's voice to the nodes."""

    @property
    def connected(self) -> bool:
        """Whether a publish has a chance at this moment."""
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publishes with QoS 1; returns when the broker has acknowledged.

        Raises:
            BrokerUnavailableError: not connected, or lost while waiting; it may have arrived.
            BrokerTimeoutError: no acknowledgement in time; it may have arrived.
        """
        ...


class Gate(Protocol):
    """Keeps out whose certificate is revoked."""

    def refuse(self, revoked: Mapping[str, int]) -> None:
        """Lets broker and downloads refuse these from the next handshake on.

        Args:
            revoked: all of them, serial number in hex -> machine time of the revocation.
        """
        ...

    def disconnect(self, node_id: str) -> bool:
        """Ends a node's connection with the broker; False where the broker did not answer."""
        ...


class Hub(Protocol):
    """Live news for open screens: bounded, lossy for the slow, never blocking."""

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Hands `data` (JSON) to every subscriber; callable from any thread.

        Args:
            event: `node`, `alarm`, `command`, `rollout` or `refusal`.
            data: what changed.
        """
        ...

    def nodes_changed(self, node_ids: Iterable[str]) -> None:
        """Marks nodes whose state changed; sent together at most 4 times a second."""
        ...

    def subscribe(self) -> AbstractContextManager[AsyncIterator[tuple[str, dict[str, Any]]]]:
        """A subscriber's (event, data) pairs; `resync` tells that some were dropped."""
        ...


class Blobs(Protocol):
    """Files named by the SHA-256 of their bytes."""

    def put(self, data: bytes) -> str:
        """Stores `data` for good and returns its SHA-256 in hex."""
        ...

    def path(self, sha256: str) -> Path | None:
        """The file, or None if there is none of that name."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """A login that was found good.

    Attributes:
        name: the user's name.
        roles: the roles given and all that they include.
        expires_s: machine time at which it ends.
    """

    name: str
    roles: frozenset[str]
    expires_s: int


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report that the store now holds for good.

    Attributes:
        kind: the kind's number on the wire.
        values: scaled integers as on the wire, None for "no reading".
        received_s: machine time.
    """

    node_id: str
    kind: int
    boot: int
    seq: int
    at_s: int
    received_s: int
    values: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event (also a last will) that the store now holds for good; `code` as on the wire."""

    node_id: str
    kind: int
    boot: int
    seq: int
    at_s: int
    received_s: int
    code: int
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredState:
    """A reported state that was newer than the last one and is now the latest."""

    node_id: str
    kind: int
    boot: int
    seq: int
    at_s: int
    received_s: int
    desired_version: int
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What one commit of the ingest stored for the first time, in order of arrival.

    A process killed between commit and delivery never delivers: whoever acts
    on these must be able to find the same in the database at its start.
    """

    items: tuple[StoredReport | StoredEvent | StoredState, ...]

    @property
    def reports(self) -> tuple[StoredReport, ...]:
        """The reports among the items."""
        return tuple(item for item in self.items if isinstance(item, StoredReport))

    @property
    def events(self) -> tuple[StoredEvent, ...]:
        """The events among the items."""
        return tuple(item for item in self.items if isinstance(item, StoredEvent))

    @property
    def states(self) -> tuple[StoredState, ...]:
        """The reported states among the items."""
        return tuple(item for item in self.items if isinstance(item, StoredState))


# Called on the event loop after the commit; must return quickly and not block.
Subscriber = Callable[[StoredBatch], None]
# Token -> who it is, or None. Does one look-up in the store: call it off the event loop.
Authenticate = Callable[[str], "Identity | None"]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a request or a task may use; one per process."""

    settings: Settings
    clock: Clock
    database: Database
    publisher: Publisher
    hub: Hub
    blobs: Blobs
    gate: Gate
    authenticate: Authenticate
