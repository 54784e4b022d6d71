"""A real Mosquitto with the configuration that the fleet server writes, and clients for it.

    settings = data_folder(tmp_path, free_port())
    with running_broker(settings) as broker:
        with connected(broker, make_identity(settings, "pk-sl-001")) as node:
            node.publish("cf1/pk-sl-001/up/report", payload)
        broker.kill(); broker.start()

Tests that use it are marked `sockets`.
"""

import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from fleet_server.settings import Settings
from tests.support.data_folder import Identity

REPOSITORY = Path(__file__).parents[2]
PROGRAM = Path(sys.prefix) / "bin" / "mosquitto"
WAIT_S = 10.0


class Broker:
    """The broker's process; it can be killed and started again on the same port and data."""

    def __init__(self, settings: Settings, watched: bool = False) -> None:
        """
        Args:
            settings: of the server whose broker it is.
            watched: with the server's reader behind its log, as in a city.
        """
        self.port = settings.broker_port
        self.log = settings.broker_folder / "mosquitto.log"
        self._memory = settings.broker_folder / "data"
        self._command = [str(PROGRAM), "-c", str(settings.broker_folder / "mosquitto.conf")]
        if watched:
            verb = [sys.executable, "-m", "fleet_server", "broker", "--data", str(settings.data)]
            self._command = [*verb, "--program", str(PROGRAM)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(self._listens, "the broker to listen")

    def stop(self) -> None:
        """Ends it in order; it writes its persistence."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._end(signal.SIGKILL)

    def forget(self) -> None:
        """Takes its memory, as a disk would that was replaced; it must be down."""
        assert self._process is None
        shutil.rmtree(self._memory)
        self._memory.mkdir(mode=0o700)

    def pause(self) -> None:
        """Lets it hang: connections stand, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text(errors="replace")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Client:
    """A plain MQTT client for tests: it acknowledges by itself and keeps what it gets."""

    def __init__(self, broker: Broker, identity: Identity, client_id: str, clean: bool) -> None:
        self.messages: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.reason: Any = None
        self._answered = threading.Event()
        self._lost = threading.Event()
        self._granted: queue.Queue[list[int]] = queue.Queue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean,
            reconnect_on_failure=False,
        )
        self._client.tls_set_context(identity.tls())  # pyright: ignore[reportUnknownMemberType]
        self._client.max_inflight_messages_set(1000)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._broker = broker

    def will(self, topic: str, payload: bytes) -> None:
        """The last will; before `connect`."""
        self._client.will_set(topic, payload, qos=1)

    def connect(self) -> "Client":
        """Connects and waits for the broker's answer, which is then in `reason`."""
        self._client.connect("127.0.0.1", self._broker.port, 30)
        self._client.loop_start()
        assert self._answered.wait(WAIT_S), "no CONNACK"
        return self

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publishes and waits for the acknowledgement."""
        sent = self._client.publish(topic, payload, qos, retain)
        sent.wait_for_publish(WAIT_S)
        assert sent.is_published(), f"no acknowledgement in {WAIT_S:.0f} s"

    def publish_soon(self, topic: str, payload: bytes) -> mqtt.MQTTMessageInfo:
        """Publishes with QoS 1 without waiting."""
        return self._client.publish(topic, payload, 1)

    def subscribe(self, topic: str) -> list[int]:
        """Subscribes with QoS 1; the granted QoS, or 128 for a refusal."""
        self._client.subscribe(topic, 1)
        return self._granted.get(timeout=WAIT_S)

    def get(self, timeout_s: float = WAIT_S) -> mqtt.MQTTMessage:
        """The next message."""
        return self.messages.get(timeout=timeout_s)

    def is_lost(self, timeout_s: float = WAIT_S) -> bool:
        """Waits for the end of the connection."""
        return self._lost.wait(timeout_s)

    def close(self) -> None:
        """Says goodbye."""
        self._client.disconnect()
        self._client.loop_stop()
        self._forget()

    def drop(self) -> None:
        """Ends the connection as a power cut would: the last will is due."""
        stream: Any = self._client.socket()
        if stream is not None:
            stream.shutdown(socket.SHUT_RDWR)
        self._lost.wait(WAIT_S)
        self._client.loop_stop()
        self._forget()

    def _forget(self) -> None:
        # paho closes its own sockets when it is freed; in a circle with us that comes too late.
        client = self._client
        client.on_connect = client.on_disconnect = client.on_subscribe = client.on_message = None

    def _on_connect(self, _: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        self.reason = reason
        self._answered.set()

    def _on_disconnect(self, _: Any, __: Any, ___: Any, ____: Any, _____: Any) -> None:
        self._lost.set()

    def _on_subscribe(self, _: Any, __: Any, ___: Any, reasons: Any, ____: Any) -> None:
        self._granted.put([reason.value for reason in reasons])

    def _on_message(self, _: Any, __: Any, message: mqtt.MQTTMessage) -> None:
        self.messages.put(message)


@contextmanager
def running_broker(settings: Settings, watched: bool = False) -> Generator[Broker]:
    """A broker for the block."""
    broker = Broker(settings, watched)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def connected(
    broker: Broker, identity: Identity, *, client_id: str = "", clean: bool = True
) -> Generator[Client]:
    """A connected client for the block."""
    client = Client(broker, identity, client_id or identity.name, clean)
    try:
        yield client.connect()
    finally:
        client.close()


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = WAIT_S) -> None:
    """Waits until a condition holds.

    Raises:
        AssertionError: it did not in time.
    """
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(0.02)
