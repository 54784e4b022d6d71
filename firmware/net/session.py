"""The node's standing conversation with the broker.

Connects, repeats what was un-acknowledged, sends what the outbox holds within the limit in
flight, acknowledges what came in only after it was acted on, notices a dead connection, and
begins again with a jittered backoff. It never ends and nothing waits for it.

What the messages mean belongs to the handlers: an object with connected() and a method
named after each channel in DOWN_CHANNELS, which gets the payload, or None when it was too large.
A message may come twice (QoS 1): they must not mind.

Cancelled at any wait it leaves no socket, and what was on its way is repeated by the next `run`.
"""

import asyncio
import gc
import time

from firmware.core.errors import (
    ConnectionLostError,
    FirmwareError,
    RefusedError,
    SilenceError,
)
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
from protocols.topics import DOWN_CHANNELS, down, up

_IDLE_MS = 500
# A connection that stood this long was a good one: the next loss starts a new backoff.
_GOOD_MS = 10000
# How long a farewell may take.
_LEAVE_MS = 3000
_STEP_MS = 50


class Session:
    """MQTT session of one node; `run` is its task."""

    def __init__(
        self,
        node: str,
        config: dict,
        journal: object,
        link: object,
        backoff: object,
        identity: object,
        handlers: object,
    ) -> None:
        """`config` is the checked config.json.

        `identity` gives the TLS context() and hears whether it worked() or failed(error).
        """
        self._node = node
        self._host, self._port = config["broker"]
        self._server_name = config.get("broker_name", self._host)
        self._keepalive_s = config["keepalive_s"]
        self._ack_timeout_ms = config["ack_timeout_s"] * 1000
        self._journal = journal
        self._outbox = journal.outbox
        self._link = link
        self._backoff = backoff
        self._identity = identity
        self._handlers = handlers
        self._core = mqtt.MqttCore(DOWN_BYTES + PACKET_EXTRA_BYTES)
        self._stream = None
        self._wake = asyncio.Event()
        self._lost = None
        self._sent_ms = 0
        # Since when the oldest unanswered packet waits; None while nothing is unanswered.
        self._waiting_ms = None
        self._accepted = None
        self._oldest = None
        # When the broker accepted this connection; None until then.
        self._since_ms = None
        self._is_leaving = False
        self._is_returning = False
        self._gasp = None
        # Numbers of a last will and a last gasp that nobody has heard yet: they are used
        # again, because each gap in the numbers breaks a batch.
        self.will_seq = None
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
            self._since_ms = None
            try:
                await self._link.up(beat)
                beat()
                await self._converse(beat)
            except (FirmwareError, mqtt.MqttError) as error:
                self.last_error = error.name
                log("session", str(error))
                self._link.failed(error)
                if self._since_ms is None:
                    self._identity.failed(error)
            except MemoryError:
                self.last_error = "heap_exhausted"
                log("session", self.last_error)
                gc.collect()
            since_ms = self._since_ms
            if since_ms is not None and time.ticks_diff(time.ticks_ms(), since_ms) > _GOOD_MS:
                self._backoff.reset()
            wait_ms = self._backoff.next_ms()
            while wait_ms > 0 or self._is_leaving:
                beat()
                await asyncio.sleep_ms(min(wait_ms, 1000) if wait_ms > 0 else 1000)
                wait_ms -= 1000

    def reconnect(self) -> None:
        """Say goodbye and come back, to show a new certificate."""
        self._is_returning = True
        self._wake.set()

    async def leave(self, beat: object) -> None:
        """Before an ordered reset or sleep: send what waits, then DISCONNECT, so without a will.

        Takes a few seconds at most. There is no other connection before the next boot.
        """
        waited_ms = 0
        while waited_ms < _LEAVE_MS and (self.is_connected or not self._is_leaving):
            beat()
            if not (self.is_connected and self.is_unsent()):
                self._is_leaving = True
                self._wake.set()
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms += _STEP_MS
        self._is_leaving = True

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

    async def _converse(self, beat: object) -> None:
        stream = Stream()
        self._stream = stream
        self._lost = None
        self._accepted = None
        self._gasp = None
        self._waiting_ms = None
        self._oldest = None
        self._is_returning = False
        self._core.restart()
        reader = None
        try:
            context = self._identity.context()
            await stream.open(self._host, self._port, context, self._server_name)
            if self.will_seq is None:
                self.will_seq = self._journal.take_seq()
            data = self._journal.event_data(OFFLINE, {}, self.will_seq)
            will = (up(self._node, "event"), data)
            stream.send(mqtt.connect_packet(self._node, self._keepalive_s, will))
            await stream.drain(CONNECT_TIMEOUT_MS)
            # It may be published from now on, so its number is spent.
            self.will_seq = None
            self._sent_ms = time.ticks_ms()
            reader = asyncio.create_task(self._read())
            await self._until_accepted(beat)
            self._begin()
            while not (self._is_leaving or self._is_returning):
                beat()
                self._pump()
                await self._rest()
            stream.send(mqtt.DISCONNECT_PACKET)
            await stream.drain(_LEAVE_MS)
            # What is sent still has to leave the chip.
            await asyncio.sleep_ms(_STEP_MS)
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
                raise SilenceError("the broker does not answer")
            await self._rest()
        code = self._accepted[2]
        if code:
            # A server that is unavailable has not judged who we are.
            raise (ConnectionLostError if code == 3 else RefusedError)("return code %d" % code)

    def _begin(self) -> None:
        present = self._accepted[1]
        log("session", "connected, session %s" % ("present" if present else "new"))
        # Each time anew: a retained desired state then comes even if nothing waited for us.
        topics = [down(self._node, channel) for channel in DOWN_CHANNELS]
        self._send(mqtt.subscribe_packet(topics, self._core.take_id(None)))
        for packet_id, entry in self._core.in_flight:
            if entry is not None:
                topic = up(self._node, entry[0])
                self._send(mqtt.publish_packet(topic, entry[1], packet_id, present))
        self.is_connected = True
        self.last_error = ""
        self._since_ms = time.ticks_ms()
        self._identity.worked()
        self._link.worked()
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
                # A flood from the broker must not hold up the lamp.
                await asyncio.sleep_ms(0)
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
                raise SilenceError("no acknowledgement")
        if time.ticks_diff(now_ms, self._sent_ms) > self._keepalive_s * 500:
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
        if kind == mqtt.PUBLISH:
            self._dispatch(event[1], event[2])
            if event[3]:
                self._stream.send(mqtt.puback_packet(event[3]))
            return
        if kind == mqtt.PUBACK and event[1] is not None:
            self._outbox.acknowledged(event[1])
        elif kind == mqtt.SUBACK and 0x80 in event[1]:
            raise RefusedError("subscription")
        oldest = self._core.in_flight[0] if self._core.in_flight else None
        if oldest is None:
            self._waiting_ms = None
        elif oldest is not self._oldest:
            # Acknowledgements come in order; one that is passed over was lost.
            self._waiting_ms = time.ticks_ms()
        self._oldest = oldest

    def _dispatch(self, topic: str, payload: bytes | None) -> None:
        if payload is None:
            log("session", "passed over a message on " + topic)
        for channel in DOWN_CHANNELS:
            if topic == down(self._node, channel):
                getattr(self._handlers, channel)(payload)
                return
        log("session", "message on a topic that was not asked for")
