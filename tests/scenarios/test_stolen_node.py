"""A node is stolen: what it can do ends within seconds, and its place goes on with another board.

Real broker, real server process, real enrolment by the technician's own code.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from fleet_server.access import service as access
from fleet_server.access.limiter import LoginLimiter
from fleet_server.adapters.clock import FleetClock
from fleet_server.adapters.gate import BrokerGate
from fleet_server.provisioning.life import shut_out
from fleet_server.settings import Settings
from fleet_server.web import system_actor
from protocols import topics
from tests.scenarios.test_commands_survive import PASSWORD, Desk
from tests.scenarios.test_server_killed_under_load import serving
from tests.support.broker import Broker, Client, connected, running_broker
from tests.support.data_folder import Identity, data_folder, database_of, register_nodes
from tests.support.ports import free_port
from tools.client.http import FleetClient
from tools.node.identity import Request, enrol, new_key, request_pem

LAMP, OTHER = "pk-sl-001", "pk-sl-002"
OUT_S = 5.0
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class Post:
    """The technician at a desk: enrols boards and puts them out."""

    def __init__(self, settings: Settings, desk: Desk, token: str) -> None:
        self._settings = settings
        self._address = desk.address
        self.node_port = desk.node_port
        self.client = FleetClient(self._address, token)

    def enrol(self, node: str, name: str) -> Identity:
        """A new board for a node, with the code that technicians use."""
        leave = {"kind": "streetlight", "count": 1, "minutes": 5}
        token = self.client.post("provisioning/tokens", leave)["token"]
        key = new_key()
        with FleetClient(self._address, "") as stranger:
            made = enrol(stranger, token, [Request(node, "streetlight", request_pem(key, node))])
        folder = self._settings.data / "boards"
        folder.mkdir(exist_ok=True)
        certificate, secret = folder / f"{name}.pem", folder / f"{name}.key"
        chain = (self._settings.ca_folder / "chain.pem").read_text()
        certificate.write_text(ssl.DER_cert_to_PEM_cert(made[0].certificate) + chain)
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return Identity(node, certificate, secret, self._settings.ca_folder / "root.pem")


@contextmanager
def office(tmp_path: Path) -> Generator[tuple[Settings, Broker, Post]]:
    """Broker and server, and a technician who is logged in."""
    settings = data_folder(tmp_path / "data", free_port())
    given: dict[str, Any] = {"username": "technician", "password": PASSWORD}
    clock = FleetClock()
    with database_of(settings) as database:
        register_nodes(database, LAMP, OTHER)
        access.create_user(database, clock, system_actor("tests"), roles=["technician"], **given)
        token, _ = access.login(database, clock, LoginLimiter(), 3600, address="test", **given)
    with (
        running_broker(settings, watched=True) as broker,
        serving(settings) as server,
        Desk(server, token) as desk,
    ):
        post = Post(settings, desk, token)
        with post.client:
            yield settings, broker, post


def tls_of(identity: Identity, version: ssl.TLSVersion = VERSIONS[0]) -> ssl.SSLContext:
    """Speaks one version of TLS as an identity."""
    context = identity.tls()
    context.minimum_version = context.maximum_version = version
    return context


def connect(
    broker: Broker, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLSession | None:
    """A connection as far as the broker's answer; the session, for who wants to resume it.

    Raises:
        OSError: the broker does not take it.
    """
    with (
        socket.create_connection(("127.0.0.1", broker.port), 5) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as line,
    ):
        line.sendall(b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02pk")
        if line.recv(4)[:1] != b"\x20":
            raise ConnectionError("no CONNACK")
        return line.session


def is_let_in(broker: Broker, identity: Identity) -> bool:
    """Whether the broker takes a connection."""
    try:
        connect(broker, tls_of(identity))
    except OSError:
        return False
    return True


def test_a_stolen_node_is_out_within_five_seconds_and_stays_out(tmp_path: Path) -> None:
    with office(tmp_path) as (_, broker, post):
        stolen, other = post.enrol(LAMP, "stolen"), post.enrol(OTHER, "other")
        contexts = [tls_of(stolen, version) for version in VERSIONS]
        kept = [connect(broker, context) for context in contexts]
        with connected(broker, other) as neighbour:
            thief = Client(broker, stolen, LAMP, False).connect()
            began_s = time.monotonic()
            done = post.client.post(f"nodes/{LAMP}/revoke", {"reason": "taken from its pole"})
            assert thief.is_lost(OUT_S)
            assert time.monotonic() - began_s < OUT_S
            thief.drop()
            assert done["revoked"] == 1
            assert done["disconnected"] is True
            assert not is_let_in(broker, stolen)
            # A session that was kept must not spare the look at the certificate.
            for context, session in zip(contexts, kept, strict=True):
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    connect(broker, context, session)
            neighbour.publish(topics.up(OTHER, "report"), b"still here")
            broker.kill()
        broker.start()
        assert not is_let_in(broker, stolen)
        assert is_let_in(broker, other)
        with pytest.raises(httpx.HTTPError):
            _download(post, stolen)
        assert _download(post, other) == 404
        listed = post.client.get(f"nodes/{LAMP}/certificates")["certificates"]
        assert listed[0]["revoked_s"] is not None


def test_a_replacement_takes_over_the_place_and_the_old_board_is_out(tmp_path: Path) -> None:
    with office(tmp_path) as (_, broker, post):
        old = post.enrol(LAMP, "old")
        before = post.client.get(f"nodes/{LAMP}")
        post.client.post(f"nodes/{LAMP}/life", {"event": "replace", "reason": "lightning"})
        new = post.enrol(LAMP, "new")
        assert is_let_in(broker, new)
        assert not is_let_in(broker, old)
        after = post.client.get(f"nodes/{LAMP}")
        for name in ("name", "lat", "lon", "feeder"):
            assert after.get(name) == before.get(name)


def test_what_a_server_that_died_did_not_tell_is_told_at_its_start(tmp_path: Path) -> None:
    with office(tmp_path) as (settings, broker, post):
        stolen = post.enrol(LAMP, "stolen")
        post.client.post(f"nodes/{LAMP}/revoke", {"reason": "stolen"})
        newest = sorted(settings.revoked_folder.iterdir())[-1]
        assert newest.suffix == ".r1"
        newest.unlink()
        broker.kill()
        broker.start()
        assert is_let_in(broker, stolen)
        with database_of(settings) as database:
            gate = BrokerGate(settings, FleetClock())
            shut_out(database, gate)
            shut_out(database, gate)
        assert len(list(settings.revoked_folder.iterdir())) == 2, "the same list is written once"
        assert not is_let_in(broker, stolen)


def _download(post: Post, identity: Identity) -> int:
    address = f"https://127.0.0.1:{post.node_port}/blobs/{'0' * 64}"
    with httpx.Client(verify=identity.tls(), trust_env=False) as client:
        return client.get(address).status_code
