"""Tables of the registry. Places are degrees on WGS 84."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class Zone(SQLModel, table=True):
    """A part of the city, or a city of the fleet."""

    __tablename__: ClassVar[Any] = "zone"

    id: str = Field(primary_key=True)
    name: str


class Cabinet(SQLModel, table=True):
    """A lighting control cabinet."""

    __tablename__: ClassVar[Any] = "cabinet"

    id: str = Field(primary_key=True)
    name: str
    zone: str | None = Field(default=None, foreign_key="zone.id")
    lat: float
    lon: float


class Feeder(SQLModel, table=True):
    """A circuit that leaves a cabinet on one phase."""

    __tablename__: ClassVar[Any] = "feeder"

    id: str = Field(primary_key=True)
    cabinet_id: str = Field(foreign_key="cabinet.id", index=True)
    name: str
    phase: str


class Node(SQLModel, table=True):
    """A controller in its place, from plan to retirement (`rules.NODE_STATES`)."""

    __tablename__: ClassVar[Any] = "node"

    id: str = Field(primary_key=True)
    kind: str = Field(index=True)
    name: str
    address: str = ""
    zone: str | None = Field(default=None, foreign_key="zone.id")
    lat: float
    lon: float
    feeder_id: str | None = Field(default=None, foreign_key="feeder.id", index=True)
    state: str = "planned"
    certificate_serial: str | None = None
    created_s: int = Field(sa_type=BigInteger)
    # Name, address and id without diacritics, for the search.
    folded: str = ""


class NodeGroup(SQLModel, table=True):
    """A list of nodes that an operator treats as one."""

    __tablename__: ClassVar[Any] = "node_group"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)


class NodeGroupMember(SQLModel, table=True):
    """A node's place in a group."""

    __tablename__: ClassVar[Any] = "node_group_member"

    group_id: str = Field(primary_key=True, foreign_key="node_group.id")
    node_id: str = Field(primary_key=True, foreign_key="node.id", index=True)
