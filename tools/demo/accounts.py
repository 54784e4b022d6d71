"""The demo's logins: the administrator's first password, and the operator whom commands use.

The administrator's password is shown once, when the first start reaches "ready", and is not kept
after that. The operator's stands in `operator.json`, readable by the owner alone, so that a demo
that is started again can log its own commands in.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from tools.client.credentials import Profile, save_profile
from tools.client.http import FleetClient
from tools.demo.folder import DemoFolder
from tools.errors import DemoError, FileError, RefusedError, ToolError
from tools.files import SECRET_FILE, read_object, write_json

OPERATOR = "dieu-hanh"
OPERATOR_ROLES = ("operator", "technician", "release_manager")
PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and its password."""

    user: str
    password: str


def keep_login(path: Path, login: Login) -> None:
    """Keeps a login in a file that only its owner may read."""
    write_json(path, {"user": login.user, "password": login.password}, SECRET_FILE)


def kept_login(path: Path) -> Login | None:
    """The login of a file, or None where there is none.

    Raises:
        FileError: damaged.
    """
    if not path.exists():
        return None
    value = read_object(path, "the login")
    try:
        return Login(str(value["user"]), str(value["password"]))
    except KeyError as error:
        raise FileError(f"{path} is damaged; run: cityfleet demo reset") from error


def token_of(server: str, login: Login) -> str:
    """Logs in and returns the token.

    Raises:
        ToolError: the server refuses or cannot be reached.
    """
    with FleetClient(server) as client:
        body = {"username": login.user, "password": login.password}
        return str(client.post("login", body)["token"])


def make_operator(administrator: FleetClient, path: Path) -> Login:
    """Makes the demo's operator with a generated password, kept in `path`.

    A start that was cut off may have made the user already; then it gets the new password.
    """
    login = Login(OPERATOR, secrets.token_urlsafe(PASSWORD_BYTES))
    body = {"username": login.user, "password": login.password, "roles": list(OPERATOR_ROLES)}
    try:
        administrator.post("users", body)
    except RefusedError as error:
        if error.code != "conflict":
            raise
        administrator.put(f"users/{OPERATOR}/password", {"password": login.password})
    keep_login(path, login)
    return login


def open_profile(folder: DemoFolder, server: str, login: Login) -> str:
    """Logs the demo's own commands in; returns the token.

    Raises:
        DemoError: the server does not take the login.
    """
    try:
        token = token_of(server, login)
    except ToolError as error:
        raise DemoError(
            f"the demo's operator cannot log in: {error}; to begin anew: cityfleet demo reset"
        ) from error
    save_profile(Profile(server, token, login.user, folder.profile))
    return token
