"""Roles, names and passwords; the memory of wrong passwords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.access import limiter, passwords
from fleet_server.access.limiter import FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN, WINDOW_S
from fleet_server.access.rules import (
    INCLUDES,
    check_password,
    check_roles,
    check_username,
    effective_roles,
)
from fleet_server.errors import InvalidError


def test_roles_include_what_they_need_and_not_each_other() -> None:
    assert effective_roles(["technician"]) == {"technician", "operator", "viewer"}
    assert effective_roles(["release_manager"]) == {"release_manager", "operator", "viewer"}
    assert effective_roles(["administrator"]) == set(INCLUDES)
    assert effective_roles(["viewer", "nonsense"]) == {"viewer"}
    assert effective_roles([]) == frozenset()


def test_every_included_role_is_closed_under_inclusion() -> None:
    for role, included in INCLUDES.items():
        assert effective_roles(included) <= effective_roles([role])


@pytest.mark.parametrize("roles", [[], ["root"], ["viewer", "Operator"]])
def test_unknown_or_no_roles_are_refused(roles: list[str]) -> None:
    with pytest.raises(InvalidError) as caught:
        check_roles(roles)
    assert caught.value.field == "roles"


@pytest.mark.parametrize("name", ["", "a", "-ab", "Lan", "lan anh", "điện", "a" * 41, "system:x"])
def test_confusable_user_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidError):
        check_username(name)


@pytest.mark.parametrize("name", ["lan", "dieu-hanh", "an.nguyen_2", "0day"])
def test_plain_user_names_are_taken(name: str) -> None:
    check_username(name)


def test_password_lengths_have_two_ends() -> None:
    check_password("x" * 10)
    check_password("x" * 256)
    for bad in ("x" * 9, "x" * 257, ""):
        with pytest.raises(InvalidError):
            check_password(bad)


def test_passwords_are_argon2id_and_verify() -> None:
    stored = passwords.hash_password("mật khẩu dài")
    assert stored.startswith("$argon2id$")
    assert passwords.verify("mật khẩu dài", stored)
    assert not passwords.verify("mat khau dai", stored)
    assert not passwords.verify("mật khẩu dài", None)
    assert passwords.generate() != passwords.generate()
    check_password(passwords.generate())


def test_five_wrong_passwords_close_the_login_for_a_while() -> None:
    door = limiter.LoginLimiter()
    for second in range(FAILURES_PER_LOGIN):
        assert door.wait_s("lan", "10.0.0.1", 1000 + second) == 0
        door.failed("lan", "10.0.0.1", 1000 + second)
    assert door.wait_s("lan", "10.0.0.1", 1010) == WINDOW_S - 10
    assert door.wait_s("lan", "10.0.0.2", 1010) == 0, "nobody is locked out from elsewhere"
    assert door.wait_s("minh", "10.0.0.1", 1010) == 0
    assert door.wait_s("lan", "10.0.0.1", 1000 + WINDOW_S) == 0


def test_a_right_password_forgives_the_login_but_not_the_address() -> None:
    door = limiter.LoginLimiter()
    for number in range(FAILURES_PER_ADDRESS):
        door.failed(f"user{number}", "10.0.0.1", 1000)
    door.succeeded("user1", "10.0.0.1")
    assert door.wait_s("somebody", "10.0.0.1", 1001) == WINDOW_S - 1


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    door = limiter.LoginLimiter()
    for _ in range(FAILURES_PER_LOGIN):
        door.failed("lan", "10.0.0.1", 1_000_000)
    assert door.wait_s("lan", "10.0.0.1", 1000) == 0


def test_the_memory_of_failures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "KEYS", 50)
    door = limiter.LoginLimiter()
    for number in range(1000):
        door.failed(f"user{number}", f"10.0.0.{number}", 1000)
    assert len(door._failures) <= 50  # pyright: ignore[reportPrivateUsage]


@given(st.lists(st.integers(0, 300), max_size=60))
def test_a_login_never_waits_longer_than_the_window(seconds: list[int]) -> None:
    door = limiter.LoginLimiter()
    for second in seconds:
        wait_s = door.wait_s("lan", "a", second)
        assert 0 <= wait_s <= WINDOW_S
        if not wait_s:
            door.failed("lan", "a", second)
