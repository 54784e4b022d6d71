"""Tables of the shadow. `changed_s` is machine time, `created_s` the city's."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel


class Desired(SQLModel, table=True):
    """What one node is told to be, whole, and how much of it the broker has."""

    __tablename__: ClassVar[Any] = "desired"

    node_id: str = Field(primary_key=True, foreign_key="node.id")
    version: int
    # CBOR of the document, as it goes out beside its version.
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    changed_s: int = Field(sa_type=BigInteger)
    # The last version that the broker acknowledged; below `version` it waits to be published.
    published_version: int = Field(default=0, index=True)


class Command(SQLModel, table=True):
    """One change that somebody asked of some nodes."""

    __tablename__: ClassVar[Any] = "command"

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(index=True)
    title: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_by: str
    created_s: int = Field(sa_type=BigInteger)
    created_system_s: int = Field(sa_type=BigInteger)


class CommandTarget(SQLModel, table=True):
    """One node of a command, and how far it has got (`rules.TARGET_LIFE`)."""

    __tablename__: ClassVar[Any] = "command_target"
    __table_args__ = (Index("ix_command_target_node_id_state", "node_id", "state"),)

    command_id: int = Field(primary_key=True, foreign_key="command.id")
    node_id: str = Field(primary_key=True, foreign_key="node.id")
    aspect: str
    version: int
    state: str = Field(index=True)
    reason: str | None = None
    changed_s: int = Field(sa_type=BigInteger)
