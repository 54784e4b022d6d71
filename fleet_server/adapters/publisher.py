"""The server's voice on the broker: identity `server-command`, QoS 1.

aiomqtt, because publishing is asyncio work: one await ends at the broker's
acknowledgement, cancellation and timeouts are the loop's own, and no thread
is needed. (The ingest needs manual acknowledgement, which aiomqtt has not, so
it uses paho: see `ingest_client`.) A supervised task holds the connection and
makes it anew after a loss; a publish that is under way then fails at once.
"""

from __future__ import annotations

import asyncio
import logging
import ssl

import aiomqtt

from fleet_server.errors import BrokerTimeoutError, BrokerUnavailableError

IDENTITY = "server-command"
ACKNOWLEDGE_S = 10.0
BACKOFF_FIRST_S = 0.2
BACKOFF_LAST_S = 5.0
KEEPALIVE_S = 30
_log = logging.getLogger("cityfleet.publisher")


class BrokerPublisher:
    """Implements `ports.Publisher`; `run` must be running for it to get anywhere."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._client: aiomqtt.Client | None = None
        self._lost = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._client is not None

    async def run(self) -> None:
        """Holds the connection until cancelled."""
        pause_s = BACKOFF_FIRST_S
        while True:
            try:
                async with self._connect() as client:
                    self._lost = asyncio.Event()
                    self._client = client
                    pause_s = BACKOFF_FIRST_S
                    _log.info("connected to the broker")
                    # Nothing is subscribed: this ends only when the connection does.
                    async for _ in client.messages:
                        continue
            except (aiomqtt.MqttError, OSError) as error:
                _log.warning("broker: %s; again in %.1f s", error, pause_s)
            finally:
                self._client = None
                self._lost.set()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, BACKOFF_LAST_S)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """See `ports.Publisher.publish`."""
        client, lost = self._client, self._lost
        if client is None:
            raise BrokerUnavailableError("The broker is not connected.")
        sending = asyncio.ensure_future(
            client.publish(topic, payload, qos=1, retain=retain, timeout=ACKNOWLEDGE_S + 1)
        )
        losing = asyncio.ensure_future(lost.wait())
        try:
            done, _ = await asyncio.wait(
                (sending, losing), timeout=ACKNOWLEDGE_S, return_when=asyncio.FIRST_COMPLETED
            )
            if sending in done:
                sending.result()
            elif losing in done:
                raise BrokerUnavailableError("The broker was lost before it acknowledged.")
            else:
                raise BrokerTimeoutError("The broker did not acknowledge in time.")
        except aiomqtt.MqttError as error:
            raise BrokerUnavailableError("The broker was lost before it acknowledged.") from error
        finally:
            for task in (sending, losing):
                task.cancel()

    def _connect(self) -> aiomqtt.Client:
        client = aiomqtt.Client(
            self._host,
            self._port,
            identifier=IDENTITY,
            tls_context=self._tls,
            keepalive=KEEPALIVE_S,
            timeout=ACKNOWLEDGE_S,
            max_inflight_messages=100,
            logger=_log,
        )
        # A round of the dispatcher is that many; the library would warn of each above ten.
        client.pending_calls_threshold = 100
        return client
