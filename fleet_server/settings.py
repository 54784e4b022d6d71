"""What the operator of the server may choose, from arguments and environment.

Every setting has an environment name `CITYFLEET_<NAME>`; an argument wins.
Nothing secret is a setting: secrets are files under the data folder.

    settings = load(Path("data"), {"http_port": 8080}, os.environ)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from fleet_server.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one server process; durations in real (machine) seconds."""

    data: Path
    http_port: int = 8080
    node_port: int = 8443
    broker_port: int = 8883
    # Nodes and browsers reach a bench on this machine; another address is a proxy's business.
    host: str = "127.0.0.1"
    # The name under which nodes are told to find broker and downloads.
    advertised_host: str = "127.0.0.1"
    # "real_ref,city_ref,speed": city civil time runs `speed` times as fast as the machine's.
    clock: str = ""
    # Empty: SQLite in the data folder.
    database_url: str = ""
    session_s: int = 12 * 3600
    outage_confirm_s: int = 30
    restore_hold_s: int = 10
    # A node that says nothing for so long is silent even without a last will.
    stale_s: int = 3600
    # Demo only: shows that a node refuses what a careless server would offer.
    allow_unverified_releases: bool = False
    # Only behind a TLS proxy; a browser drops a Secure cookie that came by plain HTTP.
    secure_cookie: bool = False
    node_certificate_days: int = 825

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.data / "fleet.db"

    @property
    def ca_folder(self) -> Path:
        """Issuing CA and the server's own certificates and keys."""
        return self.data / "ca"

    @property
    def offline_folder(self) -> Path:
        """The root CA's key; an operator carries this folder away."""
        return self.data / "offline"

    @property
    def broker_folder(self) -> Path:
        """mosquitto.conf, its access list and its persistence."""
        return self.data / "broker"

    @property
    def revoked_folder(self) -> Path:
        """The lists of revoked certificates, which broker and node port read."""
        return self.broker_folder / "revoked"

    @property
    def blob_folder(self) -> Path:
        """Release bundles by their SHA-256."""
        return self.data / "blobs"

    @property
    def trust_path(self) -> Path:
        """The release managers' public keys."""
        return self.data / "trust.json"


def load(data: Path, arguments: Mapping[str, object], environment: Mapping[str, str]) -> Settings:
    """Joins arguments and environment over the defaults.

    Args:
        data: the data folder.
        arguments: given on the command line; None counts as not given.
        environment: `CITYFLEET_<NAME>` by name; others are left alone.

    Raises:
        SettingsError: a value that does not fit its setting.
    """
    chosen: dict[str, object] = {}
    for field in fields(Settings):
        if field.name == "data":
            continue
        given = arguments.get(field.name)
        text = environment.get("CITYFLEET_" + field.name.upper())
        if given is not None:
            chosen[field.name] = given
        elif text is not None:
            chosen[field.name] = _parsed(field.name, text, field.default)
    settings = Settings(data=data.resolve(), **chosen)  # type: ignore[arg-type]
    _check(settings)
    return settings


def _parsed(name: str, text: str, default: object) -> object:
    if isinstance(default, bool):
        if text.lower() in ("1", "true", "yes"):
            return True
        if text.lower() in ("", "0", "false", "no"):
            return False
        raise SettingsError(f"CITYFLEET_{name.upper()} must be 1 or 0", field=name)
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise SettingsError(
                f"CITYFLEET_{name.upper()} must be a whole number", field=name
            ) from None
    return text


def _check(settings: Settings) -> None:
    for name in ("http_port", "node_port", "broker_port"):
        # 0 lets the system choose; only the broker's is named to others and must be known.
        if not 0 <= getattr(settings, name) <= 65535:
            raise SettingsError(f"{name} must be a port number", field=name)
    for name in ("session_s", "node_certificate_days", "stale_s"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"{name} must be at least 1", field=name)
    for name in ("outage_confirm_s", "restore_hold_s"):
        if not 0 <= getattr(settings, name) <= 3600:
            raise SettingsError(f"{name} must be 0 to 3600 seconds", field=name)
