"""Tables of releases and rollouts. `*_system_s` is machine time, the others the city's."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel


class Release(SQLModel, table=True):
    """A signed release as it was uploaded; its bundle lies among the blobs."""

    __tablename__: ClassVar[Any] = "release"
    __table_args__ = (Index("ix_release_kind_counter", "kind", "counter"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    version: str
    counter: int = Field(sa_type=BigInteger)
    # Of manifest, signatures and bundle together: the same upload again is the same release.
    fingerprint: str = Field(unique=True)
    # What the bundle's bytes really hash to; the manifest may claim something else.
    sha256: str
    length: int
    manifest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # CBOR of [[key id, signature]].
    signatures: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    key_ids: list[str] = Field(default_factory=list[str], sa_column=Column(JSON, nullable=False))
    verified: bool
    # Why not, by the stable name that a node would give.
    reason: str | None = None
    detail: str = ""
    expires_s: int = Field(sa_type=BigInteger)
    uploaded_by: str
    uploaded_s: int = Field(sa_type=BigInteger)


class Rollout(SQLModel, table=True):
    """A release on its way to all nodes of its kind (`rules.ROLLOUT_LIFE`)."""

    __tablename__: ClassVar[Any] = "rollout"

    id: int | None = Field(default=None, primary_key=True)
    release_id: int = Field(foreign_key="release.id", index=True)
    state: str = Field(index=True)
    # Why it is paused or has ended, for a person and by a stable name.
    reason: str | None = None
    phase: int = 0
    plan: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    # Failures that an operator has seen and gone on from.
    accepted_failures: int = 0
    created_by: str
    created_s: int = Field(sa_type=BigInteger)
    created_system_s: int = Field(sa_type=BigInteger)
    ended_s: int | None = Field(default=None, sa_type=BigInteger)


class RolloutNode(SQLModel, table=True):
    """One node of a rollout (`rules.NODE_LIFE`)."""

    __tablename__: ClassVar[Any] = "rollout_node"

    rollout_id: int = Field(primary_key=True, foreign_key="rollout.id")
    node_id: str = Field(primary_key=True, foreign_key="node.id", index=True)
    phase: int
    state: str
    reason: str | None = None
    command_id: int | None = Field(default=None, foreign_key="command.id")
    offered_system_s: int | None = Field(default=None, sa_type=BigInteger)
    changed_s: int = Field(sa_type=BigInteger)
