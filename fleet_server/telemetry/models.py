"""Tables of what nodes reported. `at_s` is the node's city time, `received_s` machine time.

(node_id, boot, seq) names a report or an event for ever. The ingest writes
these tables with plain SQL (`store.py`); everything else reads them here.
"""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel


class NodeState(SQLModel, table=True):
    """The latest of everything known about one node, each part from its own newest message."""

    __tablename__: ClassVar[Any] = "node_state"

    node_id: str = Field(primary_key=True, foreign_key="node.id")
    kind: int
    online: bool = False
    # City and machine time at which the server last heard from it.
    last_seen_s: int = Field(sa_type=BigInteger)
    received_s: int = Field(sa_type=BigInteger)
    # The newest report: values are named, in their units.
    boot: int = Field(default=-1, sa_type=BigInteger)
    seq: int = Field(default=-1, sa_type=BigInteger)
    at_s: int | None = Field(default=None, sa_type=BigInteger)
    values: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    # Bitmap of protocols.fields.FAULTS.
    faults: int = Field(default=0, sa_type=BigInteger)
    # The newest reported state.
    state_boot: int = Field(default=-1, sa_type=BigInteger)
    state_seq: int = Field(default=-1, sa_type=BigInteger)
    state_at_s: int | None = Field(default=None, sa_type=BigInteger)
    reported_version: int = Field(default=0, sa_type=BigInteger)
    app_version: str | None = None
    release_counter: int | None = Field(default=None, sa_type=BigInteger)
    slot: str | None = None
    error: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    # The newest event about the mains; None before any.
    mains: bool | None = None
    mains_boot: int = Field(default=-1, sa_type=BigInteger)
    mains_seq: int = Field(default=-1, sa_type=BigInteger)


class Report(SQLModel, table=True):
    """One report; `values` are the scaled integers of the wire."""

    __tablename__: ClassVar[Any] = "report"
    __table_args__ = (Index("ix_report_node_id_at_s", "node_id", "at_s"),)

    node_id: str = Field(primary_key=True)
    boot: int = Field(sa_type=BigInteger, primary_key=True)
    seq: int = Field(sa_type=BigInteger, primary_key=True)
    kind: int
    at_s: int = Field(sa_type=BigInteger)
    received_s: int = Field(sa_type=BigInteger)
    values: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))


class Event(SQLModel, table=True):
    """One event; `code` is a key of protocols.messages.EVENT_NAMES."""

    __tablename__: ClassVar[Any] = "event"
    __table_args__ = (Index("ix_event_node_id_at_s", "node_id", "at_s"),)

    node_id: str = Field(primary_key=True)
    boot: int = Field(sa_type=BigInteger, primary_key=True)
    seq: int = Field(sa_type=BigInteger, primary_key=True)
    kind: int
    at_s: int = Field(sa_type=BigInteger)
    received_s: int = Field(sa_type=BigInteger)
    code: int
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class RefusedMessage(SQLModel, table=True):
    """A sample of what was refused; the newest thousand are kept. `received_s` is city time."""

    __tablename__: ClassVar[Any] = "refused_message"

    id: int | None = Field(default=None, primary_key=True)
    received_s: int = Field(sa_type=BigInteger)
    topic: str
    reason: str
    detail: str = ""
    sample: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))


class RefusedCount(SQLModel, table=True):
    """How often a reason occurred since the first day, and when last (city time)."""

    __tablename__: ClassVar[Any] = "refused_count"

    reason: str = Field(primary_key=True)
    count: int = 0
    last_s: int = Field(sa_type=BigInteger)
