"""A real fleet server and what a technician has from it."""

from collections.abc import Generator
from pathlib import Path

import pytest

from ota.signing import create_key, write_trust
from tests.support.fleet_process import FleetProcess, fleet_process
from tools.client.http import FleetClient
from tools.demo.district import import_document, load_district


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[FleetProcess]:
    """A real server that knows the demo's district."""
    with fleet_process(tmp_path_factory.mktemp("fleet") / "server") as process:
        with FleetClient(process.address, process.log_in()) as client:
            client.post("registry/import", import_document(load_district()))
        yield process


@pytest.fixture
def client(server: FleetProcess) -> Generator[FleetClient]:
    with FleetClient(server.address, server.log_in()) as client:
        yield client


@pytest.fixture
def trust(tmp_path: Path) -> bytes:
    path = tmp_path / "trust.json"
    write_trust(path, [create_key(tmp_path / "key.pem", None)], 1)
    return path.read_bytes()


def token(client: FleetClient, count: int = 1, kind: str = "streetlight") -> str:
    body = {"kind": kind, "count": count, "minutes": 5}
    return str(client.post("provisioning/tokens", body)["token"])
