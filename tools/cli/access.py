"""`cityfleet login`, `logout` and `whoami`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tools.cli.options import Json
from tools.cli.output import clean, print_facts, print_json, say
from tools.cli.secrets_input import read_secret
from tools.cli.session import chosen, connect, profile
from tools.errors import LoginNeededError, ToolError, UsageError


def register(app: typer.Typer) -> None:
    """Adds the commands to the top level."""
    app.command()(login)
    app.command()(logout)
    app.command()(whoami)


def login(
    user: Annotated[str | None, typer.Option("--user", "-u", help="User name.")] = None,
    server: Annotated[str | None, typer.Option(help="Address of the fleet server.")] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="File with the password, or - for standard input."),
    ] = None,
) -> None:
    """Log in and keep the login in a file that only you may read.

    The password is asked for; it is never taken from the command line.

    Example: cityfleet login --server https://fleet.example --user lan

    Example: cityfleet login -u lan --password-file - < password.txt
    """
    from dataclasses import replace

    from tools.client.credentials import login_target, save_profile
    from tools.client.http import FleetClient

    target = login_target(server or chosen.server, chosen.token_file)
    name = user or (input("User name: ") if sys.stdin.isatty() else "")
    if not name:
        raise UsageError("whose login? give --user NAME")
    password = read_secret(password_file, "Password", "--password-file")
    with FleetClient(target.server, "", chosen.ca_file) as client:
        answer = client.post("login", {"username": name, "password": password})
    save_profile(replace(target, user=name, token=str(answer["token"])))
    say(f"logged in to {target.server} as {clean(name)}; kept in {target.path}")


def logout() -> None:
    """End the login on the server and delete it here."""
    found = profile()
    if not found.token:
        say("nobody is logged in")
        return
    try:
        with connect() as client:
            client.post("logout")
    except LoginNeededError:
        pass
    except ToolError as error:
        say(f"the server could not be told: {error}")
    found.path.unlink(missing_ok=True)
    say(f"logged out of {found.server}")


def whoami(json: Json = False) -> None:
    """Show the server, the user and the roles that commands use."""
    with connect() as client:
        me = client.get("me")
    if json:
        print_json({"server": client.server, **me})
        return
    roles = me.get("roles", [])
    name = me.get("username") or me.get("name")
    print_facts([("server", client.server), ("user", name), ("roles", ", ".join(roles))])
