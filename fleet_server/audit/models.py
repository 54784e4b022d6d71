"""The table of the audit."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel


class AuditEntry(SQLModel, table=True):
    """One write that somebody made; never changed, never deleted by the server."""

    __tablename__: ClassVar[Any] = "audit_entry"

    id: int | None = Field(default=None, primary_key=True)
    at_s: int = Field(sa_type=BigInteger)
    system_at_s: int = Field(sa_type=BigInteger, index=True)
    actor: str = Field(index=True)
    address: str = ""
    action: str = Field(index=True)
    target: str = ""
    before: Any = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    after: Any = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
