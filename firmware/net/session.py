"""The node's standing conversation with the broker.

Connects, repeats what was un-acknowledged, sends what the outbox holds within the limit in
flight, acknowledges what came in only after it was acted on, notices a dead connection, and
begins again with a jittered backoff. It never ends and nothing waits for it.

What the messages mean belongs to the handlers: an object with connected(), desired(payload
or None when it was too large), echo(payload).
"""

import asyncio
import time

from firmware.core.errors import ConnectionLostError, FirmwareError, RefusedError
from firmware.core.limits import (
    CONNECT_TIMEOUT_MS,
    IN_FLIGHT,
    PACKET_EXTRA_BYTES,
)
from firmware.core.log import log
from firmware.net import mqtt
from firmware.net.transport import Stream
from protocols.limits import DOWN_BYTES
from protocols.messages import OFFLINE
from protocols.topics import down, up

_IDLE_MS = 500
# A connection that stood this long was a good one: the next loss starts a new backoff.
_GOOD_MS = 10000


class Session:
    """MQTT session of one node; `run` is its task."""

    def __init__(
        self,
        node: str,
        config: dict,
        journal: object,
        link: object,
        backoff: object,
        make_context: object,
        handlers: object,
    ) -> None:
        """`config` is the checked config.json; `make_context()` gives the TLS context."""
        self._node = node
        self._host, self._port = config["broker"]
        self._server_name = config.get("broker_name", self._host)
        self._keepalive_s = config["keepalive_s"]
        self._ack_timeout_ms = config["ack_timeout_s"] * 1000
        self._journal = journal
        self._outbox = journal.outbox
        self._link = link
        self._backoff = backoff
        self._make_context = make_context
        self._handlers = handlers
        self._core = mqtt.MqttCore(DOWN_BYTES + PACKET_EXTRA_BYTES)
        self._stream = None
        self._wake = asyncio.Event()
        self._lost = None
        self._sent_ms = 0
        # When the oldest unanswered packet was sent; None while nothing is unanswered.
        self._waiting_ms = None
        self._accepted = None
        self._gasp = None
        # Numbers of a last will and a last gasp that nobody has heard yet: they are used
        # again, because each gap in the numbers breaks a batch.
        self._will_seq = None
        self._gasp_seq = None
        self.is_connected = False
        self.last_error = ""

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def is_unsent(self) -> bool:
        """Whether anything waits, or is on its way un-acknowledged."""
        return bool(self._outbox.waiting() or self._core.in_flight)

    async def run(self, beat: object) -> None:
        """Stay connected, for ever."""
        while True:
            beat()
            began_ms = time.ticks_ms()
            try:
                await self._link.up(beat)
                beat()
                await self._converse(beat)
            except (FirmwareError, mqtt.MqttError) as error:
                self.last_error = error.name
                log("session", str(error))
            if time.ticks_diff(time.ticks_ms(), began_ms) > _GOOD_MS:
                self._backoff.reset()
            await self._pause(self._backoff.next_ms(), beat)

    def fire_gasp(self) -> bool:
        """Send the prepared last gasp on the open connection, from an interrupt too.

        Returns:
            Whether it was sent; if not, the caller queues the event itself.
        """
        gasp = self._gasp
        if gasp is None or not self.is_connected:
            return False
        self._gasp = None
        self._gasp_seq = None
        packet, offset, start = gasp
        stamp = self._journal.stamp_s().to_bytes(4, "big")
        for index in range(4):
            packet[offset + index] = stamp[index]
        entry = ("event", bytes(packet[start:]))
        self._core.use_reserved(entry)
        self._outbox.adopt(entry)
        try:
            self._stream.send(bytes(packet))
        except ConnectionLostError as error:
            # The entry stays in flight, so the next connection repeats it.
            self._lost = error
        return True

    def prepare_gasp(self, code: int) -> None:
        """Encode the last gasp now, so that its moment costs one write."""
        if self._gasp_seq is None:
            self._gasp_seq = self._journal.take_seq()
        data = self._journal.event_data(code, {}, self._gasp_seq)
        packet_id = self._core.reserve_id()
        packet = bytearray(mqtt.publish_packet(up(self._node, "event"), data, packet_id, False))
        # The stamp stands before the code and the empty map, each one byte, at the end.
        self._gasp = (packet, len(packet) - 6, len(packet) - len(data))

    async def _pause(self, wait_ms: int, beat: object) -> None:
        while wait_ms > 0:
            beat()
            await asyncio.sleep_ms(min(wait_ms, 1000))
            wait_ms -= 1000

    async def _converse(self, beat: object) -> None:
        stream = Stream()
        self._stream = stream
        self._lost = None
        self._accepted = None
        self._gasp = None
        self._waiting_ms = None
        self._core.restart()
        reader = None
        try:
            await stream.open(self._host, self._port, self._make_context(), self._server_name)
            if self._will_seq is None:
                self._will_seq = self._journal.take_seq()
            data = self._journal.event_data(OFFLINE, {}, self._will_seq)
            will = (up(self._node, "event"), data)
            stream.send(mqtt.connect_packet(self._node, self._keepalive_s, will))
            await stream.drain(CONNECT_TIMEOUT_MS)
            # It may be published from now on, so its number is spent.
            self._will_seq = None
            self._sent_ms = time.ticks_ms()
            reader = asyncio.create_task(self._read())
            await self._until_accepted(beat)
            self._begin()
            while True:
                beat()
                self._pump()
                await self._rest()
        finally:
            self.is_connected = False
            self._gasp = None
            if reader is not None:
                reader.cancel()
            stream.close()
            self._outbox.save()

    async def _until_accepted(self, beat: object) -> None:
        began_ms = time.ticks_ms()
        while self._accepted is None:
            self._raise_lost()
            beat()
            if time.ticks_diff(time.ticks_ms(), began_ms) > CONNECT_TIMEOUT_MS:
                raise ConnectionLostError("the broker does not answer")
            await self._rest()
        if self._accepted[2]:
            raise RefusedError("return code %d" % self._accepted[2])

    def _begin(self) -> None:
        present = self._accepted[1]
        log("session", "connected, session %s" % ("present" if present else "new"))
        # Each time anew: a retained desired state then comes even if nothing waited for us.
        topics = [down(self._node, "desired"), down(self._node, "echo")]
        self._send(mqtt.subscribe_packet(topics, self._core.take_id(None)))
        for packet_id, entry in self._core.in_flight:
            if entry is not None:
                topic = up(self._node, entry[0])
                self._send(mqtt.publish_packet(topic, entry[1], packet_id, present))
        self.is_connected = True
        self.last_error = ""
        self._handlers.connected()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for_ms(self._wake.wait(), _IDLE_MS)
        except asyncio.TimeoutError:
            pass  # nothing happened, which is looked at too
        self._wake.clear()

    async def _read(self) -> None:
        """Bytes to events to handlers; its failure is handed to the conversation."""
        try:
            while True:
                data = self._stream.receive()
                if data is None:
                    await self._stream.readable()
                    continue
                for event in self._core.feed(data):
                    self._handle(event)
                self._wake.set()
        except Exception as error:  # raised again in the conversation, whose loop judges it
            self._lost = error
            self._wake.set()

    def _raise_lost(self) -> None:
        if self._lost is not None:
            raise self._lost

    def _send(self, packet: bytes) -> None:
        self._stream.send(packet)
        self._sent_ms = time.ticks_ms()
        if self._waiting_ms is None:
            self._waiting_ms = self._sent_ms

    def _pump(self) -> None:
        self._raise_lost()
        self._stream.flush()
        while len(self._core.in_flight) < IN_FLIGHT:
            entry = self._outbox.take()
            if entry is None:
                break
            packet_id = self._core.take_id(entry)
            self._send(mqtt.publish_packet(up(self._node, entry[0]), entry[1], packet_id, False))
        now_ms = time.ticks_ms()
        if self._waiting_ms is not None:
            if time.ticks_diff(now_ms, self._waiting_ms) > self._ack_timeout_ms:
                raise ConnectionLostError("no acknowledgement")
        elif time.ticks_diff(now_ms, self._sent_ms) > self._keepalive_s * 500:
            self._send(mqtt.PINGREQ_PACKET)

    def _handle(self, event: tuple) -> None:
        kind = event[0]
        if kind == mqtt.CONNACK:
            if self._accepted is not None:
                raise mqtt.MqttError("accepted twice")
            self._accepted = event
            return
        if self._accepted is None:
            raise mqtt.MqttError("packet before the acceptance")
        if kind in (mqtt.PUBACK, mqtt.SUBACK, mqtt.PINGRESP):
            if kind == mqtt.PUBACK and event[1] is not None:
                self._outbox.acknowledged(event[1])
            elif kind == mqtt.SUBACK:
                self._core.release(event[1])
                if 0x80 in event[2]:
                    raise RefusedError("subscription")
            # Any answer proves that the other side lives; the clock starts anew.
            self._waiting_ms = time.ticks_ms() if self._core.in_flight else None
        elif kind == mqtt.PUBLISH:
            self._dispatch(event[1], event[2])
            if event[3]:
                self._stream.send(mqtt.puback_packet(event[4]))
        elif kind == mqtt.SKIPPED:
            log("session", "skipped a message of %d bytes" % event[2])
            self._dispatch(event[1], None)
            if event[3]:
                self._stream.send(mqtt.puback_packet(event[4]))

    def _dispatch(self, topic: str, payload: bytes | None) -> None:
        if topic == down(self._node, "desired"):
            self._handlers.desired(payload)
        elif topic == down(self._node, "echo") and payload is not None:
            self._handlers.echo(payload)
        else:
            log("session", "message on a topic that was not asked for")
