"""One real password for the users of the fleet bench, hashed once: argon2 is slow on purpose."""

import functools

from sqlmodel import select

from fleet_server.access.models import User
from fleet_server.access.passwords import hash_password
from tests.support.fleet_bench import Bench

PASSWORD = "a-password-of-tests"


def give_passwords(bench: Bench) -> None:
    """Lets every user of the bench log in with PASSWORD."""
    with bench.database.write() as session:
        for user in session.exec(select(User)):
            user.password_hash = _hash()
            session.add(user)


@functools.cache
def _hash() -> str:
    return hash_password(PASSWORD)
