"""The broker, the download server, and one who listens in."""

import contextlib
import getpass
import http.server
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from protocols import messages, topics
from tests.support.ports import free_port
from tests.unit.firmware.lab.authority import Authority

_START_S = 10.0


class Broker:
    """A real Mosquitto with client certificates; it can be stopped and started again."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.port = free_port()
        self.plain_port = free_port()
        self._folder = folder
        ca, certificate, key = authority.write_server(folder, "broker")
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            # Without TLS, so that a test may cut between two bytes of MQTT itself.
            f"listener {self.plain_port} 127.0.0.1\n"
            f"listener {self.port} 127.0.0.1\n"
            f"cafile {ca}\ncertfile {certificate}\nkeyfile {key}\n"
            "require_certificate true\nuse_identity_as_username true\n"
            # Who comes by TLS has shown a certificate all the same.
            "allow_anonymous true\nset_tcp_nodelay true\n"
            # Started by root it would become somebody who cannot read the test's folder.
            f"user {getpass.getuser()}\n"
            f"persistence true\npersistence_location {folder}/\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.prefix) / "bin" / "mosquitto"), "-c", str(self._config)],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.05)
        raise AssertionError((self._folder / "mosquitto.log").read_text())

    def stop(self) -> None:
        """Stop in order: it saves its sessions."""
        if self._process is not None:
            self._process.terminate()
            self.thaw()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Leave every connection open and answer nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on where it was frozen."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of the node: its channel and what the contract makes of it."""

    channel: str
    parts: tuple[Any, ...]
    size: int

    @property
    def code(self) -> int | None:
        """The code, if it is an event."""
        return self.parts[4] if self.channel == "event" else None


_DECODERS: dict[str, Callable[[bytes], tuple[Any, ...]]] = {
    "report": messages.decode_report,
    "batch": messages.decode_batch,
    "event": messages.decode_event,
    "state": messages.decode_state,
}


class Server:
    """The fleet server's part in a conversation: hears the nodes and sends down."""

    def __init__(self, authority: Authority, folder: Path, port: int) -> None:
        self.heard: list[Heard] = []
        self.nodes: set[str] = set()
        self._new = threading.Condition()
        self.answers_echo = True
        ca, certificate, key = authority.write_server(folder, "server-test")
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="server-test", clean_session=False
        )
        context = ssl.create_default_context(cafile=str(ca))
        context.load_cert_chain(certificate, key)
        self._client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType]
        self._client.on_message = self._on_message
        self._client.on_connect = _subscribe
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def desire(self, node: str, version: int, document: dict[str, Any]) -> None:
        """Publish a desired state, retained."""
        self.publish(node, "desired", messages.encode_desired(version, document), retain=True)

    def publish(self, node: str, channel: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish anything and wait for the broker's acknowledgement."""
        info = self._client.publish(topics.down(node, channel), payload, 1, retain)
        info.wait_for_publish(10)

    def wait(self, wanted: Callable[[Heard], bool], timeout_s: float = 20.0) -> Heard:
        """The first message, heard already or to come, that fits."""
        deadline = time.monotonic() + timeout_s
        seen = 0
        with self._new:
            while True:
                for message in self.heard[seen:]:
                    if wanted(message):
                        return message
                seen = len(self.heard)
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise AssertionError(f"not heard; heard {self.heard[-12:]}")
                self._new.wait(left_s)

    def event(self, code: int, timeout_s: float = 20.0) -> dict[str, Any]:
        """The detail of the first event of a code."""
        return self.wait(lambda message: message.code == code, timeout_s).parts[5]

    def state(self, wanted: Callable[[int, dict[str, Any]], bool]) -> dict[str, Any]:
        """The facts of the first reported state that fits (version, facts)."""
        found = self.wait(
            lambda message: (
                message.channel == "state" and wanted(message.parts[4], message.parts[5])
            )
        )
        return found.parts[5]

    def forget(self) -> None:
        """Only what comes from now on counts."""
        with self._new:
            self.heard.clear()

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        node, channel = topics.parse_up(message.topic)
        self.nodes.add(node)
        heard = Heard(channel, _DECODERS[channel](bytes(message.payload)), len(message.payload))
        if heard.code == messages.ECHO_REQUEST and self.answers_echo:
            echo = messages.encode_echo(heard.parts[5]["nonce"])
            client.publish(topics.down(node, "echo"), echo, 1)
        with self._new:
            self.heard.append(heard)
            self._new.notify_all()


def _subscribe(client: paho.Client, *_: Any) -> None:
    client.subscribe(topics.ALL_UP, 1)


class Blobs:
    """A download server: HTTPS with client certificates and single ranges."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.content: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        # After so many answers the connection is cut in the middle of one, once.
        self.cut_after: int | None = None
        # How long each answer takes.
        self.pause_s = 0.0
        blobs = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                blobs._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        ca, certificate, key = authority.write_server(folder, "download")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def wait_requests(self, count: int, timeout_s: float = 20.0) -> None:
        """Wait until so many requests have come."""
        deadline = time.monotonic() + timeout_s
        while len(self.requests) < count:
            assert time.monotonic() < deadline, self.requests
            time.sleep(0.01)

    def _answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        span = handler.headers.get("Range")
        self.requests.append((handler.path, span))
        time.sleep(self.pause_s)
        content = self.content.get(handler.path)
        if content is None or span is None:
            handler.send_response(404)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        first, last = (int(text) for text in span.removeprefix("bytes=").split("-"))
        piece = content[first : last + 1]
        handler.send_response(206)
        handler.send_header("Content-Length", str(len(piece)))
        handler.send_header(
            "Content-Range", f"bytes {first}-{first + len(piece) - 1}/{len(content)}"
        )
        handler.end_headers()
        if self.cut_after is not None and len(self.requests) > self.cut_after:
            self.cut_after = None
            handler.wfile.write(piece[: len(piece) // 2])
            handler.close_connection = True
            return
        handler.wfile.write(piece)


@contextlib.contextmanager
def open_broker(authority: Authority, folder: Path) -> Generator[Broker]:
    """A running broker, stopped at the end whatever happens."""
    broker = Broker(authority, folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
