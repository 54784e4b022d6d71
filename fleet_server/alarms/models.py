"""Tables of the alarms. `*_system_s` and `since_s` are machine time, the others the city's."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel


class Alarm(SQLModel, table=True):
    """One root cause (`life.Verdict`) and its life (`life.ALARM_LIFE`)."""

    __tablename__: ClassVar[Any] = "alarm"

    id: int | None = Field(default=None, primary_key=True)
    cause: str = Field(index=True)
    object_kind: str
    object_id: str = Field(index=True)
    which: str = ""
    priority: str
    # Names as they were when it was raised, for a screen in any language, and how bad it became.
    title: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    # While it is active: now; afterwards: at its worst.
    count: int
    total: int
    state: str = Field(index=True)
    since_s: int = Field(sa_type=BigInteger)
    raised_s: int = Field(sa_type=BigInteger)
    raised_system_s: int = Field(sa_type=BigInteger)
    updated_s: int = Field(sa_type=BigInteger)
    cleared_s: int | None = Field(default=None, sa_type=BigInteger)
    cleared_system_s: int | None = Field(default=None, sa_type=BigInteger)
    acknowledged_by: str | None = None
    acknowledged_s: int | None = Field(default=None, sa_type=BigInteger)
    note: str = ""
    evidence: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    # The wider alarm in which this one ended.
    absorbed_into: int | None = Field(default=None, foreign_key="alarm.id")


class AlarmChild(SQLModel, table=True):
    """A node that an alarm counted at some time; silent, since the alarm speaks for it."""

    __tablename__: ClassVar[Any] = "alarm_child"

    alarm_id: int = Field(primary_key=True, foreign_key="alarm.id")
    node_id: str = Field(primary_key=True, foreign_key="node.id")
    # Whether it counts now.
    affected: bool


class PlannedSwitching(SQLModel, table=True):
    """Mains that somebody will take away on purpose: no alarm for what hangs on them."""

    __tablename__: ClassVar[Any] = "planned_switching"

    id: int | None = Field(default=None, primary_key=True)
    object_kind: str
    object_id: str
    from_s: int = Field(sa_type=BigInteger)
    until_s: int = Field(sa_type=BigInteger, index=True)
    reason: str
    created_by: str
    created_s: int = Field(sa_type=BigInteger)
