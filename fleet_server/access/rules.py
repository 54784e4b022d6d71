"""Roles and what they include; passwords that are good enough; when a login is over.

The roles form a set, not a ladder: technician and release manager each
include the operator, neither includes the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from fleet_server.errors import InvalidError

INCLUDES: dict[str, frozenset[str]] = {
    "viewer": frozenset(),
    "operator": frozenset({"viewer"}),
    "technician": frozenset({"viewer", "operator"}),
    "release_manager": frozenset({"viewer", "operator"}),
    "administrator": frozenset({"viewer", "operator", "technician", "release_manager"}),
}
PASSWORD_CHARS = 10
# Argon2 reads all of it; a megabyte of "password" would be work for nothing.
PASSWORD_MAX_CHARS = 256
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")


def effective_roles(given: Iterable[str]) -> frozenset[str]:
    """The given roles and all that they include; unknown names give nothing."""
    known = [role for role in given if role in INCLUDES]
    return frozenset(known).union(*(INCLUDES[role] for role in known))


def check_roles(roles: Iterable[str]) -> list[str]:
    """The roles sorted and once each.

    Raises:
        InvalidError: a role that does not exist, or none at all.
    """
    wanted = sorted(set(roles))
    for role in wanted:
        if role not in INCLUDES:
            raise InvalidError(f"There is no role {role!r}.", field="roles")
    if not wanted:
        raise InvalidError("Give at least one role.", field="roles")
    return wanted


def check_username(name: str) -> None:
    """Refuses a name that could be mistaken for another, or for the server itself.

    Raises:
        InvalidError: not 2 to 40 of a-z, 0-9, dot, dash, underscore.
    """
    if not 2 <= len(name) <= 40 or not set(name) <= _NAME_CHARS or not name[0].isalnum():
        raise InvalidError(
            "A user name is 2 to 40 of a-z, 0-9, '.', '-', '_'; the first is a letter or digit.",
            field="username",
        )


def check_password(password: str) -> None:
    """Refuses a password that is too short or absurdly long.

    Raises:
        InvalidError: fewer than 10 or more than 256 characters.
    """
    if not PASSWORD_CHARS <= len(password) <= PASSWORD_MAX_CHARS:
        raise InvalidError(
            f"A password has {PASSWORD_CHARS} to {PASSWORD_MAX_CHARS} characters.",
            field="password",
        )
