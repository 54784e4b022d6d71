"""Tables of users and their sessions."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class User(SQLModel, table=True):
    """A person with a login."""

    __tablename__: ClassVar[Any] = "user"

    name: str = Field(primary_key=True)
    password_hash: str
    # Names separated by spaces, as given; what they include is a rule, not data.
    roles: str
    created_s: int = Field(sa_type=BigInteger)
    disabled: bool = False


class LoginSession(SQLModel, table=True):
    """A login in force; its token is known to its holder only, here stands a hash."""

    __tablename__: ClassVar[Any] = "session"

    token_sha256: str = Field(primary_key=True)
    username: str = Field(foreign_key="user.name", index=True)
    address: str = ""
    created_s: int = Field(sa_type=BigInteger)
    expires_s: int = Field(sa_type=BigInteger, index=True)
