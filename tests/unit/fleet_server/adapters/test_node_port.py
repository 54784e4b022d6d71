"""The nodes' HTTPS port: certificates of the fleet only, blobs only, and byte ranges."""

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.adapters import tls
from fleet_server.adapters.blobs import BlobFolder
from fleet_server.adapters.node_port import PIECE_BYTES, byte_range, node_port_app
from fleet_server.adapters.servers import bind, make_server
from fleet_server.settings import Settings
from tests.support.data_folder import Identity, data_folder, make_identity

BUNDLE = bytes(range(256)) * 1000


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (0, 10)),
        ("", (0, 10)),
        ("bytes=0-3", (0, 4)),
        ("bytes=4-", (4, 10)),
        ("bytes=8-99", (8, 10)),
        ("bytes=9-9", (9, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=10-", None),
        ("bytes=10-12", None),
        ("bytes=-0", None),
        # What is not one range of bytes is read as none (RFC 9110, 14.2).
        ("bytes=5-2", (0, 10)),
        ("bytes=0-1,3-4", (0, 10)),
        ("items=0-3", (0, 10)),
        ("bytes=-", (0, 10)),
        ("bytes= 0-3", (0, 10)),
        ("bytes=²-3", (0, 10)),
    ],
)
def test_ranges_are_read_as_the_standard_says(
    header: str | None, expected: tuple[int, int] | None
) -> None:
    assert byte_range(header, 10) == expected


@given(st.text(max_size=20) | st.from_regex(r"bytes=\d{0,13}-\d{0,13}"), st.integers(0, 10**6))
def test_a_range_never_leaves_the_file(header: str, length: int) -> None:
    found = byte_range(header, length)
    if found is not None:
        assert 0 <= found[0] <= found[1] <= length
        assert found[0] < found[1] or length == 0


class Port:
    """A running node port."""

    def __init__(self, settings: Settings, port: int, sha256: str) -> None:
        self.settings = settings
        self.number = port
        self.path = "/blobs/" + sha256

    def connect(self, context: ssl.SSLContext) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.number, timeout=5, context=context)

    def ask(
        self, method: str, path: str, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = self.connect(make_identity(self.settings, "pk-sl-001").tls())
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def node_port(settings: Settings) -> Generator[Port]:
    blobs = BlobFolder(settings.blob_folder)
    sha256 = blobs.put(BUNDLE)
    listener = bind("127.0.0.1", 0)
    server = make_server(node_port_app(blobs), tls.node_port(settings))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        yield Port(settings, listener.getsockname()[1], sha256)
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.mark.sockets
def test_a_node_gets_the_whole_bundle(node_port: Port) -> None:
    status, headers, body = node_port.ask("GET", node_port.path)
    assert (status, body) == (200, BUNDLE)
    assert headers["accept-ranges"] == "bytes"
    assert len(BUNDLE) > 2 * PIECE_BYTES


@pytest.mark.sockets
def test_a_node_gets_it_piece_by_piece_over_one_connection(node_port: Port) -> None:
    connection = node_port.connect(make_identity(node_port.settings, "pk-sl-001").tls())
    collected = b""
    while len(collected) < len(BUNDLE):
        first = len(collected)
        wanted = {"range": f"bytes={first}-{first + 4095}"}
        connection.request("GET", node_port.path, headers=wanted)
        answer = connection.getresponse()
        piece = answer.read()
        assert answer.status == 206
        last = first + len(piece) - 1
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(BUNDLE)}"
        collected += piece
    connection.close()
    assert collected == BUNDLE


@pytest.mark.sockets
def test_an_answer_does_not_wait_for_the_clients_acknowledgement() -> None:
    accepted: list[int] = []

    async def story() -> None:
        def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream = writer.get_extra_info("socket")
            accepted.append(stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = bind("127.0.0.1", 0)
        async with await asyncio.start_server(note, sock=listener) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.read()
            writer.close()
            await writer.wait_closed()

    asyncio.run(story())
    assert accepted == [1]


@pytest.mark.sockets
def test_a_head_tells_the_length_without_the_bytes(node_port: Port) -> None:
    status, headers, body = node_port.ask("HEAD", node_port.path)
    assert (status, headers["content-length"], body) == (200, str(len(BUNDLE)), b"")


@pytest.mark.sockets
def test_what_is_not_a_blob_is_not_there(node_port: Port) -> None:
    for path in ("/", "/blobs/", "/blobs/" + "0" * 64, "/blobs/../fleet.db", "/api/v1/nodes"):
        assert node_port.ask("GET", path)[0] == 404
    assert node_port.ask("GET", "/healthz")[0] == 404
    status, headers, _ = node_port.ask("POST", node_port.path)
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    status, headers, _ = node_port.ask("GET", node_port.path, range="bytes=999999999-")
    assert (status, headers["content-range"]) == (416, f"bytes */{len(BUNDLE)}")


@pytest.mark.sockets
def test_a_stranger_gets_nothing(node_port: Port, tmp_path: Path) -> None:
    root = str(node_port.settings.ca_folder / "root.pem")
    stranger = make_identity(data_folder(tmp_path / "other"), "pk-sl-001")
    identities: list[Identity | None] = [None, stranger]
    for identity in identities:
        context = ssl.create_default_context(cafile=root)
        if identity is not None:
            context.load_cert_chain(str(identity.certificate), str(identity.key))
        connection = node_port.connect(context)
        with pytest.raises(OSError, match=r"SSL|reset|Broken|closed"):
            _exchange(connection, node_port.path)
        connection.close()


@pytest.mark.sockets
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_the_port_speaks_tls_1_2_and_nothing_older(node_port: Port) -> None:
    for version, works in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)):
        context = make_identity(node_port.settings, "pk-sl-001").tls()
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        connection = node_port.connect(context)
        if works:
            assert _exchange(connection, node_port.path) == BUNDLE
        else:
            with pytest.raises(ssl.SSLError):
                _exchange(connection, node_port.path)
        connection.close()


def _exchange(connection: http.client.HTTPSConnection, path: str) -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()
