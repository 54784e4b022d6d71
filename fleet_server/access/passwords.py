"""Passwords: hashing with argon2id (pwdlib) and making good ones."""

from __future__ import annotations

import functools
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pwdlib import PasswordHash


def generate() -> str:
    """A password of 96 random bits that can be read out over a telephone line."""
    return "-".join(secrets.token_hex(3) for _ in range(4))


def hash_password(password: str) -> str:
    """The argon2id hash in its own text form, salt and cost included."""
    return _hasher().hash(password)


def verify(password: str, stored: str | None) -> bool:
    """Whether the password is right; as slow for a user who does not exist."""
    good = _hasher().verify(password, stored if stored is not None else _nobody())
    return good and stored is not None


@functools.cache
def _hasher() -> PasswordHash:
    # Imported at first use: no page needs argon2, only a login does.
    from pwdlib import PasswordHash

    return PasswordHash.recommended()


@functools.cache
def _nobody() -> str:
    return _hasher().hash(secrets.token_hex(16))
