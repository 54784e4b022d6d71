"""What a node may and may not do at the real broker, by its certificate alone."""

import contextlib
import queue
import socket
import ssl
from collections.abc import Generator
from pathlib import Path

import pytest

from fleet_server.settings import Settings
from protocols.limits import DOWN_BYTES
from tests.support.broker import Broker, Client, connected, running_broker
from tests.support.data_folder import Identity, data_folder, make_identity
from tests.support.ports import free_port

pytestmark = pytest.mark.sockets

QUIET_S = 0.4


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A data folder for all tests here."""
    return data_folder(tmp_path_factory.mktemp("data"), free_port())


@pytest.fixture(scope="module")
def broker(settings: Settings) -> Generator[Broker]:
    """One broker for all tests here."""
    with running_broker(settings) as broker:
        yield broker


@pytest.fixture
def ingest(settings: Settings, broker: Broker) -> Generator[Client]:
    """The server's ear, listening to everything that nodes say."""
    with connected(broker, _server(settings, "server-ingest")) as client:
        assert client.subscribe("cf1/+/up/#") == [1]
        yield client


@pytest.fixture
def command(settings: Settings, broker: Broker) -> Generator[Client]:
    """The server's voice."""
    with connected(broker, _server(settings, "server-command")) as client:
        yield client


def test_a_node_speaks_under_its_own_topics(
    settings: Settings, broker: Broker, ingest: Client
) -> None:
    with connected(broker, make_identity(settings, "pk-sl-001")) as node:
        node.publish("cf1/pk-sl-001/up/report", b"mine")
    assert ingest.get().topic == "cf1/pk-sl-001/up/report"


@pytest.mark.parametrize(
    "topic",
    [
        "cf1/pk-sl-002/up/report",
        "cf1/pk-sl-001/down/desired",
        "cf1/pk-sl-002/down/desired",
        "cf1/server-ingest/up/report",
        "cf1/up/report",
        "$SYS/broker/uptime",
    ],
)
def test_a_publish_elsewhere_is_acknowledged_and_goes_nowhere(
    settings: Settings, broker: Broker, ingest: Client, topic: str
) -> None:
    with (
        connected(broker, make_identity(settings, "pk-sl-002")) as other,
        connected(broker, make_identity(settings, "pk-sl-001")) as node,
    ):
        other.subscribe("cf1/pk-sl-002/down/#")
        # MQTT 3.1.1 has no negative acknowledgement: this returns as if all were well.
        node.publish(topic, b"not mine")
        node.publish("cf1/pk-sl-001/up/report", b"mine")
        assert ingest.get().payload == b"mine"
        assert not _hears_something(other)
    assert ingest.messages.empty()


@pytest.mark.parametrize(
    "topic", ["cf1/pk-sl-002/down/desired", "cf1/+/down/#", "#", "cf1/+/up/#", "$SYS/#"]
)
def test_a_node_hears_nothing_that_is_meant_for_another(
    settings: Settings, broker: Broker, command: Client, topic: str
) -> None:
    with (
        connected(broker, make_identity(settings, "pk-sl-001")) as node,
        connected(broker, make_identity(settings, "pk-sl-002")) as other,
    ):
        node.subscribe(topic)
        command.publish("cf1/pk-sl-002/down/desired", b"secret", retain=True)
        other.publish("cf1/pk-sl-002/up/report", b"secret")
        assert not _hears_something(node)
        command.publish("cf1/pk-sl-002/down/desired", b"", retain=True)


def test_a_node_gets_its_own_retained_desired_state(
    settings: Settings, broker: Broker, command: Client
) -> None:
    command.publish("cf1/pk-sl-001/down/desired", b"for you", retain=True)
    with connected(broker, make_identity(settings, "pk-sl-001")) as node:
        node.subscribe("cf1/pk-sl-001/down/desired")
        message = node.get()
    assert (message.payload, message.retain) == (b"for you", True)
    command.publish("cf1/pk-sl-001/down/desired", b"", retain=True)


def test_a_node_cannot_take_over_the_session_of_another(
    settings: Settings, broker: Broker, ingest: Client
) -> None:
    with connected(broker, make_identity(settings, "pk-sl-002"), clean=False) as victim:
        thief = make_identity(settings, "pk-sl-001")
        for client_id in ("pk-sl-002", "server-ingest", "server-command"):
            with connected(broker, thief, client_id=client_id) as node:
                node.publish("cf1/pk-sl-001/up/report", b"still me")
                assert ingest.get().topic == "cf1/pk-sl-001/up/report"
        assert not victim.is_lost(QUIET_S)
        victim.publish("cf1/pk-sl-002/up/report", b"here")
    assert ingest.get().payload == b"here"
    assert not ingest.is_lost(0.01)


def test_the_servers_identities_have_no_more_than_they_need(
    settings: Settings, broker: Broker, ingest: Client, command: Client
) -> None:
    with connected(broker, make_identity(settings, "pk-sl-001")) as node:
        node.subscribe("cf1/pk-sl-001/down/#")
        ingest.publish("cf1/pk-sl-001/down/desired", b"ingest may only listen")
        assert not _hears_something(node)
        command.subscribe("cf1/+/up/#")
        node.publish("cf1/pk-sl-001/up/report", b"command may only speak")
        assert not _hears_something(command)


def test_nobody_connects_without_a_certificate_of_the_fleet(
    settings: Settings, broker: Broker, tmp_path: Path
) -> None:
    root = str(settings.ca_folder / "root.pem")
    stranger = make_identity(data_folder(tmp_path / "other"), "pk-sl-001")
    for certificate in (None, stranger):
        context = ssl.create_default_context(cafile=root)
        if certificate is not None:
            context.load_cert_chain(str(certificate.certificate), str(certificate.key))
        assert not _is_answered(broker, context)
    assert _is_answered(broker, make_identity(settings, "pk-sl-001").tls())


def test_a_node_certificate_cannot_pose_as_the_broker(settings: Settings, tmp_path: Path) -> None:
    node = make_identity(settings, "pk-sl-001")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(
        node.certificate.read_bytes() + (settings.ca_folder / "chain.pem").read_bytes()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(str(chain), str(node.key))
    client = ssl.create_default_context(cafile=str(settings.ca_folder / "root.pem"))
    # The purpose in the certificate must stop it even where nobody looks at the name.
    client.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(incoming, outgoing)
    theirs = server.wrap_bio(outgoing, incoming, server_side=True)
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        _shake_hands(ours, theirs)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_older_than_1_2_is_refused(settings: Settings, broker: Broker) -> None:
    context = make_identity(settings, "pk-sl-001").tls()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with _raw(broker, context) as stream:
        assert stream.version() == "TLSv1.2"
    old = make_identity(settings, "pk-sl-001").tls()
    # OpenSSL itself would not offer it any more without being told to.
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="alert protocol version"):
        _raw(broker, old)


def test_an_oversized_packet_ends_the_connection(
    settings: Settings, broker: Broker, ingest: Client
) -> None:
    with connected(broker, make_identity(settings, "pk-sl-001")) as node:
        node.publish_soon("cf1/pk-sl-001/up/report", b"x" * (DOWN_BYTES + 1000))
        assert node.is_lost()
    with connected(broker, make_identity(settings, "pk-sl-001")) as node:
        node.publish("cf1/pk-sl-001/up/report", b"back again")
    assert ingest.get().payload == b"back again"


def _server(settings: Settings, name: str) -> Identity:
    folder = settings.ca_folder
    return Identity(name, folder / f"{name}.pem", folder / f"{name}.key", folder / "root.pem")


def _hears_something(client: Client) -> bool:
    try:
        client.get(QUIET_S)
    except queue.Empty:
        return False
    return True


def _raw(broker: Broker, context: ssl.SSLContext) -> ssl.SSLSocket:
    stream = socket.create_connection(("127.0.0.1", broker.port), 5)
    try:
        return context.wrap_socket(stream, server_hostname="127.0.0.1")
    except OSError:
        stream.close()
        raise


def _is_answered(broker: Broker, context: ssl.SSLContext) -> bool:
    connect = b"\x10\x17\x00\x04MQTT\x04\x02\x00\x3c\x00\x0bpk-sl-00001"
    try:
        with _raw(broker, context) as stream:
            # TLS 1.3 tells of the refusal at the first read.
            stream.sendall(connect)
            return stream.recv(4) == b"\x20\x02\x00\x00"
    except OSError:
        return False


def _shake_hands(*ends: ssl.SSLObject) -> None:
    for _ in range(10):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
