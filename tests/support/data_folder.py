"""A fleet server's data folder made in this process: CA, database, broker files, no user.

    settings = data_folder(tmp_path)
    with database_of(settings) as database: ...
    identity = enrolled(settings, database, "pk-sl-001", "streetlight")

For tests of the server from the inside; `fleet_server.py` beside it runs the whole as a process.
"""

import ssl
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from fleet_server.adapters import ca_files, mosquitto, schema
from fleet_server.adapters.database import SqlDatabase, open_database
from fleet_server.provisioning.ca import Use, issue, new_key
from fleet_server.registry.models import Node
from fleet_server.settings import Settings


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key as files, and the root that they belong to."""

    name: str
    certificate: Path
    key: Path
    root: Path

    def tls(self) -> ssl.SSLContext:
        """Speaks to broker and node port as this identity."""
        context = ssl.create_default_context(cafile=str(self.root))
        context.load_cert_chain(str(self.certificate), str(self.key))
        return context


def data_folder(folder: Path, broker_port: int = 8883) -> Settings:
    """Makes the folder; the broker's configuration names `broker_port`."""
    settings = Settings(data=folder, broker_port=broker_port)
    ca_files.prepare(settings, int(time.time()))
    mosquitto.write_config(settings, broker_port)
    settings.blob_folder.mkdir(mode=0o700)
    with database_of(settings) as database:
        schema.upgrade(database)
    return settings


@contextmanager
def database_of(settings: Settings) -> Generator[SqlDatabase]:
    """The folder's database, closed after the block."""
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()


def make_identity(settings: Settings, name: str) -> Identity:
    """A certificate of the fleet's issuing CA under any name, for who tries to cross rights."""
    authority = ca_files.load_issuing(settings)
    key = new_key()
    certificate = issue(authority, key.public_key(), name, Use.CLIENT, int(time.time()), 1)
    folder = settings.data / "identities"
    folder.mkdir(exist_ok=True)
    paths = (folder / f"{name}.pem", folder / f"{name}.key")
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Identity(name, *paths, settings.ca_folder / "root.pem")


def register_nodes(
    database: SqlDatabase, *names: str, kind: str = "streetlight", state: str = "provisioned"
) -> None:
    """Nodes in the registry, so that the ingest knows them."""
    with database.write() as session:
        for name in names:
            session.add(
                Node(
                    id=name,
                    kind=kind,
                    name=name,
                    lat=13.98,
                    lon=108.0,
                    state=state,
                    created_s=0,
                    folded=name,
                )
            )
