"""The server and the login that the current command uses, as chosen by the options before it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.client.credentials import Profile
    from tools.client.http import FleetClient


@dataclass(slots=True)
class Chosen:
    """What stood before the command's name; None where nothing did."""

    server: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None


# One command runs per process, and typer has no other way to hand this to all of them typed.
chosen = Chosen()


def profile() -> "Profile":
    """The server and the login to use."""
    from tools.client.credentials import find_profile

    return find_profile(chosen.server, chosen.token_file)


def connect() -> "FleetClient":
    """A client with a login.

    Raises:
        LoginNeededError: nobody has logged in.
    """
    from tools.client.credentials import require_token
    from tools.client.http import FleetClient

    found = profile()
    return FleetClient(found.server, require_token(found), chosen.ca_file)
