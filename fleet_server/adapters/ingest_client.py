"""The server's ear on the broker: identity `server-ingest`, acknowledging by hand.

paho, because it can leave a QoS 1 message unacknowledged until the commit that
holds it (aiomqtt has no public way to). The session is persistent under a
stable client id: what the broker could not deliver or did not see acknowledged,
it keeps and sends again.

An acknowledgement belongs to the connection on which the message came: after a
new connection the broker may give the same packet number to another message,
so late acknowledgements of an older connection are withheld. Those messages
come again and are recognised.
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from fleet_server.adapters.ca_files import INGEST
from fleet_server.telemetry.ingest import Arrival, Ingest
from fleet_server.telemetry.refusals import Message
from protocols.topics import ALL_UP

KEEPALIVE_S = 30
CONNECT_S = 5.0
RECONNECT_LAST_S = 8
STOP_S = 2.0
_FAILURE = 0x80
_log = logging.getLogger("cityfleet.ingest")


class IngestClient:
    """Feeds an `Ingest` from the broker, in a thread of its own."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext, ingest: Ingest) -> None:
        self._ingest = ingest
        self._connection = 0
        self._lock = threading.Lock()
        self._subscribed = False
        self._subscriptions = 0
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=INGEST,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
        )
        self._client.tls_set_context(tls)  # pyright: ignore[reportUnknownMemberType]
        self._client.connect_timeout = CONNECT_S
        # The spread keeps two servers that lost the same broker from returning in step.
        self._client.reconnect_delay_set(1, RECONNECT_LAST_S + random.randint(0, 2))
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.connect_async(host, port, KEEPALIVE_S)
        self._ended = threading.Event()

    @property
    def connected(self) -> bool:
        """Whether messages of nodes can arrive."""
        return self._subscribed

    @property
    def subscriptions(self) -> int:
        """How often nodes have become audible; each time, something may have been missed."""
        return self._subscriptions

    def start(self) -> None:
        """Starts the thread, which connects and stays connected."""
        # paho's own thread and no other: only with that does an acknowledgement from
        # another thread merely queue. Otherwise it writes to the socket right there,
        # beside the thread that reads, and calls back while we hold our lock.
        self._client.loop_start()

    def stop(self) -> None:
        """Says goodbye after what is acknowledged already; waits at most STOP_S."""
        if self._client.disconnect() == mqtt.MQTT_ERR_SUCCESS:
            self._ended.wait(STOP_S)

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: Any,
        flags: mqtt.ConnectFlags,
        reason: Any,
        _properties: Any,
    ) -> None:
        if reason.is_failure:
            _log.error("the broker refused the ingest: %s", reason)
            return
        self._ended.clear()
        _log.info("ingest connected, session %s", "resumed" if flags.session_present else "new")
        client.subscribe(ALL_UP, qos=1)

    def _on_subscribe(
        self, client: mqtt.Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any
    ) -> None:
        self._subscribed = all(reason.value < _FAILURE for reason in reasons)
        if self._subscribed:
            self._subscriptions += 1
        else:
            _log.error("the broker refused the ingest's subscription")

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _flags: Any,
        reason: Any,
        _properties: Any,
    ) -> None:
        with self._lock:
            self._connection += 1
        if self._subscribed:
            _log.warning("ingest left or lost the broker: %s", reason)
        self._subscribed = False
        self._ended.set()

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        connection, mid, qos = self._connection, message.mid, message.qos

        def acknowledge() -> None:
            if qos == 0:
                return
            with self._lock:
                if connection == self._connection:
                    self._client.ack(mid, qos)

        arrival = Arrival(Message(_topic(message), bytes(message.payload)), acknowledge)
        self._ingest.offer(arrival, may_drop=qos == 0)


def _topic(message: mqtt.MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        # MQTT forbids it, but nothing on the wire may end the thread that reads the wire.
        return "\N{REPLACEMENT CHARACTER}"
