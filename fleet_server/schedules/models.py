"""Tables of dimming programs and overrides. All times are the city's."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel


class Program(SQLModel, table=True):
    """A night's steps under a name, as they are now."""

    __tablename__: ClassVar[Any] = "program"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    steps: list[dict[str, Any]] = Field(
        default_factory=list[dict[str, Any]], sa_column=Column(JSON, nullable=False)
    )
    version: int = 1
    changed_by: str
    changed_s: int = Field(sa_type=BigInteger)


class ProgramVersion(SQLModel, table=True):
    """A program as it once was; kept for good, since lamps may still follow it."""

    __tablename__: ClassVar[Any] = "program_version"

    program_id: int = Field(primary_key=True, foreign_key="program.id")
    version: int = Field(primary_key=True)
    name: str
    steps: list[dict[str, Any]] = Field(
        default_factory=list[dict[str, Any]], sa_column=Column(JSON, nullable=False)
    )
    changed_by: str
    changed_s: int = Field(sa_type=BigInteger)


class ProgramPush(SQLModel, table=True):
    """Which version of a program went to which group, by which command."""

    __tablename__: ClassVar[Any] = "program_push"

    id: int | None = Field(default=None, primary_key=True)
    program_id: int = Field(foreign_key="program.id", index=True)
    program_version: int
    # Not a foreign key: the record outlives its group.
    group_id: str = Field(index=True)
    command_id: int = Field(foreign_key="command.id")
    pushed_s: int = Field(sa_type=BigInteger)


class LampOverride(SQLModel, table=True):
    """A level that somebody gave some lamps for a while."""

    __tablename__: ClassVar[Any] = "lamp_override"

    id: int | None = Field(default=None, primary_key=True)
    command_id: int = Field(foreign_key="command.id")
    group_id: str | None = None
    level: int
    minutes: int
    reason: str
    from_s: int = Field(sa_type=BigInteger)
    until_s: int = Field(sa_type=BigInteger, index=True)
    created_by: str


class LampOverrideNode(SQLModel, table=True):
    """A lamp of an override; `ended_s` when it was cleared or replaced before its end."""

    __tablename__: ClassVar[Any] = "lamp_override_node"

    override_id: int = Field(primary_key=True, foreign_key="lamp_override.id")
    node_id: str = Field(primary_key=True, foreign_key="node.id", index=True)
    ended_s: int | None = Field(default=None, sa_type=BigInteger)
