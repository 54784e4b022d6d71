"""Tables of enrolment tokens and issued certificates. All times are the machine's."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class EnrolmentToken(SQLModel, table=True):
    """Leave to enrol so many nodes of one kind for a while; the token itself is not kept."""

    __tablename__: ClassVar[Any] = "enrolment_token"

    id: int | None = Field(default=None, primary_key=True)
    token_sha256: str = Field(unique=True)
    kind: str
    count: int
    used: int = 0
    created_by: str
    created_s: int = Field(sa_type=BigInteger)
    expires_s: int = Field(sa_type=BigInteger)


class Certificate(SQLModel, table=True):
    """A node certificate that the issuing CA signed."""

    __tablename__: ClassVar[Any] = "certificate"

    serial: str = Field(primary_key=True)
    node_id: str = Field(foreign_key="node.id", index=True)
    token_id: int | None = Field(default=None, foreign_key="enrolment_token.id")
    pem: str
    issued_s: int = Field(sa_type=BigInteger)
    not_before_s: int = Field(sa_type=BigInteger)
    not_after_s: int = Field(sa_type=BigInteger)
    revoked_s: int | None = Field(default=None, sa_type=BigInteger)
