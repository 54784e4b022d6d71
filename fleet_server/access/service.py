"""Logging in and out, and the upkeep of users. Machine time throughout."""

from __future__ import annotations

import hashlib
import secrets

from sqlmodel import Session, col, delete, select

from fleet_server.access import passwords
from fleet_server.access.limiter import LoginLimiter
from fleet_server.access.models import LoginSession, User
from fleet_server.access.rules import (
    PASSWORD_MAX_CHARS,
    check_password,
    check_roles,
    check_username,
    effective_roles,
)
from fleet_server.audit import record
from fleet_server.errors import ConflictError, NotFoundError, NotLoggedInError, TooManyError
from fleet_server.ports import Clock, Database, Identity
from fleet_server.web import Actor

# A user with many tabs and scripts; the oldest session ends when one more would be too many.
SESSIONS_PER_USER = 50
WRONG_LOGIN = "User name or password is wrong."


def login(
    database: Database,
    clock: Clock,
    limiter: LoginLimiter,
    session_s: int,
    *,
    username: str,
    password: str,
    address: str,
) -> tuple[str, Identity]:
    """Checks a password and opens a session.

    Returns:
        the token, shown this once, and who it stands for.

    Raises:
        TooManyError: too many wrong passwords lately.
        NotLoggedInError: wrong name or password, or the user is disabled.
    """
    now_s = clock.system_now_s()
    wait_s = limiter.wait_s(username, address, now_s)
    if wait_s:
        raise TooManyError(f"Too many wrong passwords; try again in {wait_s} s.", wait_s)
    with database.read() as session:
        user = session.get(User, username)
        stored = user.password_hash if user is not None and not user.disabled else None
    # The slow part stands outside any transaction.
    if len(password) > PASSWORD_MAX_CHARS or not passwords.verify(password, stored):
        limiter.failed(username, address, now_s)
        raise NotLoggedInError(WRONG_LOGIN, code="wrong_login")
    limiter.succeeded(username, address)
    token = "cf_" + secrets.token_urlsafe(32)
    with database.write() as session:
        _make_room(session, username, now_s)
        entry = LoginSession(
            token_sha256=_hash(token),
            username=username,
            address=address,
            created_s=now_s,
            expires_s=now_s + session_s,
        )
        session.add(entry)
        user = session.get_one(User, username)
        identity = _identity(user, entry)
        record(session, clock, Actor(username, address=address), "session.login")
    return token, identity


def logout(database: Database, clock: Clock, actor: Actor, token: str) -> None:
    """Ends the session of this token; nothing happens if it has ended already."""
    with database.write() as session:
        entry = session.get(LoginSession, _hash(token))
        if entry is not None:
            session.delete(entry)
            record(session, clock, actor, "session.logout")


def authenticate(database: Database, clock: Clock, token: str) -> Identity | None:
    """Who the token stands for, or None when it stands for nobody now."""
    with database.read() as session:
        entry = session.get(LoginSession, _hash(token))
        if entry is None or entry.expires_s <= clock.system_now_s():
            return None
        user = session.get(User, entry.username)
        if user is None or user.disabled:
            return None
        return _identity(user, entry)


def create_user(
    database: Database,
    clock: Clock,
    actor: Actor,
    *,
    username: str,
    password: str,
    roles: list[str],
) -> User:
    """Makes a user.

    Raises:
        InvalidError: name, password or roles break a rule.
        ConflictError: the name is taken.
    """
    check_username(username)
    check_password(password)
    wanted = check_roles(roles)
    password_hash = passwords.hash_password(password)
    with database.write() as session:
        if session.get(User, username) is not None:
            raise ConflictError(f"There is a user {username!r} already.", field="username")
        user = User(
            name=username,
            password_hash=password_hash,
            roles=" ".join(wanted),
            created_s=clock.system_now_s(),
        )
        session.add(user)
        record(
            session, clock, actor, "user.create", target="user:" + username, after={"roles": wanted}
        )
    return user


def set_password(
    database: Database, clock: Clock, actor: Actor, *, username: str, password: str
) -> None:
    """Sets a password and ends every session of that user.

    Raises:
        InvalidError: the password breaks a rule.
        NotFoundError: no such user.
    """
    check_password(password)
    password_hash = passwords.hash_password(password)
    with database.write() as session:
        user = session.get(User, username)
        if user is None:
            raise NotFoundError(f"There is no user {username!r}.")
        user.password_hash = password_hash
        session.add(user)
        session.exec(delete(LoginSession).where(col(LoginSession.username) == username))
        record(session, clock, actor, "user.password", target="user:" + username)


def change_user(
    database: Database,
    clock: Clock,
    actor: Actor,
    *,
    username: str,
    roles: list[str] | None,
    disabled: bool | None,
) -> User:
    """Changes roles or disables; a disabled user's sessions end at once.

    Raises:
        InvalidError: an unknown role.
        NotFoundError: no such user.
        ConflictError: it would leave nobody who can administer.
    """
    wanted = None if roles is None else check_roles(roles)
    with database.write() as session:
        user = session.get(User, username)
        if user is None:
            raise NotFoundError(f"There is no user {username!r}.")
        before = {"roles": user.roles.split(), "disabled": user.disabled}
        if wanted is not None:
            user.roles = " ".join(wanted)
        if disabled is not None:
            user.disabled = disabled
        session.add(user)
        session.flush()
        _check_administrator_left(session)
        if user.disabled:
            session.exec(delete(LoginSession).where(col(LoginSession.username) == username))
        after = {"roles": user.roles.split(), "disabled": user.disabled}
        record(
            session,
            clock,
            actor,
            "user.change",
            target="user:" + username,
            before=before,
            after=after,
        )
    return user


def list_users(database: Database) -> list[User]:
    """All users by name."""
    with database.read() as session:
        return list(session.exec(select(User).order_by(User.name)))


def _identity(user: User, entry: LoginSession) -> Identity:
    return Identity(user.name, effective_roles(user.roles.split()), entry.expires_s)


def _make_room(session: Session, username: str, now_s: int) -> None:
    session.exec(delete(LoginSession).where(col(LoginSession.expires_s) <= now_s))
    mine = session.exec(
        select(LoginSession)
        .where(LoginSession.username == username)
        .order_by(col(LoginSession.created_s).desc())
        .offset(SESSIONS_PER_USER - 1)
    )
    for entry in mine:
        session.delete(entry)


def _check_administrator_left(session: Session) -> None:
    users = session.exec(select(User).where(col(User.disabled).is_(False)))
    if not any("administrator" in user.roles.split() for user in users):
        raise ConflictError("The last administrator must stay one.")


def _hash(token: str) -> str:
    # The token has 256 random bits: a fast hash is enough, nothing can be guessed from it.
    return hashlib.sha256(token.encode()).hexdigest()
