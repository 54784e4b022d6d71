"""Where a command finds its login, and that a login is kept safe."""

import stat
from pathlib import Path

import pytest

from tools.client.credentials import (
    DEFAULT_SERVER,
    Profile,
    clean_server,
    config_file,
    demo_folder,
    find_profile,
    login_target,
    read_profile,
    require_token,
    save_profile,
)
from tools.errors import FileError, LoginNeededError, UsageError


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user's environment with a home of its own."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def saved(path: Path, server: str = "https://fleet.example", token: str = "cf_secret") -> Profile:
    profile = Profile(server, token, "lan", path)
    save_profile(profile)
    return profile


def test_a_login_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cli.json"
    profile = saved(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_profile(path) == profile
    assert [entry.name for entry in path.parent.iterdir()] == ["cli.json"]


def test_a_login_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cli.json"
    saved(path)
    path.chmod(0o640)
    with pytest.raises(FileError, match="chmod 600"):
        read_profile(path)


@pytest.mark.parametrize("text", ["", "{", '{"server": "x"}', "two words", "[]\n1 2"])
def test_a_damaged_login_file_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cli.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(FileError) as caught:
        read_profile(path)
    assert "\n" not in str(caught.value)


def test_a_bare_token_file_serves_the_server_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("cf_bare\n")
    path.chmod(0o600)
    found = find_profile("https://fleet.example", path, {}, tmp_path)
    assert (found.server, found.token) == ("https://fleet.example", "cf_bare")


def test_the_running_demo_comes_before_the_users_own_login(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    own = saved(config_file(environment))
    assert find_profile(None, None, environment, tmp_path) == own
    demo = saved(tmp_path / ".demo" / "cli.json", "http://127.0.0.1:8081", "cf_demo")
    assert find_profile(None, None, environment, tmp_path / ".demo") == demo
    assert find_profile("https://fleet.example", None, environment, tmp_path) == own


def test_a_token_is_never_given_to_another_server(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    own = saved(config_file(environment))
    found = find_profile("https://other.example", None, environment, tmp_path)
    assert found.token == ""
    with pytest.raises(UsageError, match=r"fleet\.example"):
        find_profile("https://other.example", own.path, environment, tmp_path)


def test_the_environment_chooses_server_and_file(tmp_path: Path) -> None:
    profile = saved(tmp_path / "mine.json")
    environment = {"CITYFLEET_TOKEN_FILE": str(profile.path)}
    assert find_profile(None, None, environment, tmp_path) == profile
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "CITYFLEET_SERVER": "https://x.example"}
    assert find_profile(None, None, environment, tmp_path).server == "https://x.example"


def test_without_any_login_the_line_says_how_to_log_in(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    found = find_profile(None, None, environment, tmp_path)
    assert found.server == DEFAULT_SERVER
    with pytest.raises(LoginNeededError, match="cityfleet login"):
        require_token(found)


def test_a_new_login_may_go_to_a_file_that_is_not_there_yet(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    path = tmp_path / "work.json"
    target = login_target("https://fleet.example", path, environment, tmp_path)
    assert target == Profile("https://fleet.example", "", "", path)
    saved(path, "https://old.example")
    assert login_target(None, path, environment, tmp_path).server == "https://old.example"
    moved = login_target("https://new.example", path, environment, tmp_path)
    assert (moved.server, moved.token) == ("https://new.example", "")
    assert login_target(None, None, environment, tmp_path).path == config_file(environment)


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost/", "http://localhost"),
        ("https://fleet.example/api", "https://fleet.example"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("", ""),
    ],
)
def test_addresses(given: str, clean: str) -> None:
    assert clean_server(given) == clean


@pytest.mark.parametrize("given", ["ftp://x", "http://", "http://x:port", "http://fleet.example"])
def test_an_address_that_is_none_or_would_leak_the_login_is_refused(given: str) -> None:
    with pytest.raises(UsageError):
        clean_server(given)


def test_the_demo_folder_is_that_of_the_checkout_above(tmp_path: Path) -> None:
    (tmp_path / "tools" / "demo").mkdir(parents=True)
    below = tmp_path / "docs" / "adr"
    below.mkdir(parents=True)
    assert demo_folder({}, below) == tmp_path / ".demo"
    assert demo_folder({"CITYFLEET_DEMO_DIR": "/elsewhere"}, below) == Path("/elsewhere")
