"""Where a command finds its server and its login, and how a login is kept.

A profile is one file, readable by its owner alone, that names a server and a token. The first of
these that exists is taken:

1. `--token-file` or CITYFLEET_TOKEN_FILE;
2. `.demo/cli.json` of a demo that runs in this checkout (CITYFLEET_DEMO_DIR moves the folder);
3. `~/.config/cityfleet/cli.json` (XDG_CONFIG_HOME moves it).

`--server` or CITYFLEET_SERVER passes over profiles of other servers, so a token is never sent to
a server that did not issue it.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools.errors import FileError, LoginNeededError, UsageError
from tools.files import read_bytes, write_secret

DEFAULT_SERVER = "http://127.0.0.1:8080"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
PROFILE_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Profile:
    """A server and the login that it issued; the token is empty before the first login."""

    server: str
    token: str
    user: str
    path: Path


def demo_folder(environment: dict[str, str], start: Path) -> Path:
    """The folder of the demo that belongs to the checkout in which `start` lies.

    Without a checkout above it, it is the folder `.demo` in `start` itself.
    """
    chosen = environment.get("CITYFLEET_DEMO_DIR", "")
    if chosen:
        return Path(chosen).absolute()
    for folder in (start, *start.parents):
        if (folder / ".demo").is_dir() or (folder / "tools" / "demo").is_dir():
            return folder / ".demo"
    return start / ".demo"


def config_file(environment: dict[str, str]) -> Path:
    """The user's own profile file."""
    base = environment.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base else Path.home() / ".config"
    return folder / "cityfleet" / "cli.json"


def find_profile(
    server: str | None = None,
    token_file: Path | None = None,
    environment: dict[str, str] | None = None,
    start: Path | None = None,
) -> Profile:
    """The profile that a command uses.

    Raises:
        FileError: the file named by hand is missing or damaged.
        UsageError: the server is not an address.
    """
    env = dict(os.environ) if environment is None else environment
    wanted = clean_server(server or env.get("CITYFLEET_SERVER", ""))
    named = _named_file(token_file, env)
    if named is not None:
        profile = read_profile(named, wanted)
        if wanted and profile.server != wanted:
            raise UsageError(
                f"the login in {named} belongs to {profile.server}, not to {wanted}; "
                "leave --server away or name the right --token-file"
            )
        return profile
    own = config_file(env)
    for path in (demo_folder(env, start or Path.cwd()) / "cli.json", own):
        if path.is_file():
            profile = read_profile(path, wanted)
            if not wanted or profile.server == wanted:
                return profile
    return Profile(wanted or DEFAULT_SERVER, "", "", own)


def login_target(
    server: str | None = None,
    token_file: Path | None = None,
    environment: dict[str, str] | None = None,
    start: Path | None = None,
) -> Profile:
    """Where a new login goes: as `find_profile`, but the file named by hand need not exist yet.

    An old login in it is replaced, also one of another server.

    Raises:
        UsageError: the server is not an address.
    """
    env = dict(os.environ) if environment is None else environment
    named = _named_file(token_file, env)
    if named is None:
        return find_profile(server, None, env, start)
    wanted = clean_server(server or env.get("CITYFLEET_SERVER", ""))
    if not wanted and named.exists():
        return read_profile(named)
    return Profile(wanted or DEFAULT_SERVER, "", "", named)


def read_profile(path: Path, server: str = "") -> Profile:
    """Reads a profile, or a file that holds a bare token for `server`.

    Raises:
        FileError: missing, readable by others, or neither of the two.
    """
    data = read_bytes(path, "the login file")
    if path.stat().st_mode & 0o077:
        raise FileError(f"others may read {path}; run: chmod 600 {path}")
    try:
        text = data[:PROFILE_LIMIT].decode().strip()
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not a login file") from error
    if not text.startswith("{"):
        if not text or len(text.split()) != 1:
            raise FileError(f"{path} is not a login file; log in again: cityfleet login")
        return Profile(server or DEFAULT_SERVER, text, "", path)
    try:
        value: dict[str, Any] = json.loads(text)
        return Profile(
            clean_server(str(value["server"])), str(value["token"]), str(value["user"]), path
        )
    except (ValueError, KeyError, UsageError) as error:
        raise FileError(f"{path} is not a login file; log in again: cityfleet login") from error


def save_profile(profile: Profile) -> None:
    """Keeps a login in its file, readable by the owner alone."""
    value = {"server": profile.server, "token": profile.token, "user": profile.user}
    write_secret(profile.path, (json.dumps(value, indent=1) + "\n").encode())


def clean_server(server: str) -> str:
    """An address as `scheme://host[:port]`; empty stays empty.

    Raises:
        UsageError: not an address, or one over which a password would travel in clear.
    """
    if not server:
        return ""
    parts = urlsplit(server if "://" in server else f"http://{server}")
    try:
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{server} is not a server address; example: {DEFAULT_SERVER}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{server} is not a server address; example: {DEFAULT_SERVER}")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_NAMES:
        raise UsageError(
            f"{server} would carry the login in clear over the network; use https:// instead"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def require_token(profile: Profile) -> str:
    """The token of a profile.

    Raises:
        LoginNeededError: nobody has logged in yet.
    """
    if not profile.token:
        if profile.server == DEFAULT_SERVER:
            what = "run: cityfleet login, or start the demo: make demo"
        else:
            what = f"run: cityfleet login --server {profile.server}"
        raise LoginNeededError(f"nobody is logged in to {profile.server}; {what}")
    return profile.token


def _named_file(token_file: Path | None, environment: dict[str, str]) -> Path | None:
    text = environment.get("CITYFLEET_TOKEN_FILE", "")
    return token_file or (Path(text) if text else None)
