"""MQTT 3.1.1 for one client, sans-IO: bytes in, events out.

Owns packet forms, packet identifiers and what is un-acknowledged. Sockets, timeouts and
what the payloads mean belong to session.py. QoS 0 and 1; a message that is above the cap,
or for which there is no memory, is passed over on the wire and named. What memory a packet
takes is taken once, when its length is known, so a heap in pieces is not broken further.

    core = MqttCore(16640)
    socket.send(connect_packet("pk-sl-001", 60, will))
    for event in core.feed(received):
        if event[0] == CONNACK: ...

Source: MQTT Version 3.1.1, OASIS Standard, 29 October 2014.
"""

CONNACK = 2
PUBLISH = 3
PUBACK = 4
SUBACK = 9
PINGRESP = 13

PINGREQ_PACKET = b"\xc0\x00"
DISCONNECT_PACKET = b"\xe0\x00"

# A topic of ours has at most 48 bytes; a message that is passed over keeps its topic.
_TOPIC_BYTES = 255
# All but a PUBLISH are short: a SUBACK has two bytes and one for each topic.
_ANSWER_BYTES = 16


class MqttError(Exception):
    """The peer breaks the protocol; the connection cannot be trusted any further."""

    name = "mqtt_error"


def connect_packet(client_id: str, keepalive_s: int, will: tuple[str, bytes] | None) -> bytes:
    """CONNECT with a session that stays (clean session off); the will has QoS 1."""
    flags = 0x00 if will is None else 0x0C
    body = bytearray(b"\x00\x04MQTT\x04")
    body.append(flags)
    body.extend(keepalive_s.to_bytes(2, "big"))
    body.extend(_text(client_id))
    if will is not None:
        body.extend(_text(will[0]))
        body.extend(len(will[1]).to_bytes(2, "big"))
        body.extend(will[1])
    return _packet(0x10, body)


def publish_packet(topic: str, payload: bytes, packet_id: int, again: bool) -> bytes:
    """PUBLISH with QoS 1; `again` marks a repetition of the same identifier."""
    body = bytearray(_text(topic))
    body.extend(packet_id.to_bytes(2, "big"))
    body.extend(payload)
    return _packet(0x3A if again else 0x32, body)


def subscribe_packet(topics: list[str], packet_id: int) -> bytes:
    """SUBSCRIBE, asking QoS 1 for each topic."""
    body = bytearray(packet_id.to_bytes(2, "big"))
    for topic in topics:
        body.extend(_text(topic))
        body.append(1)
    return _packet(0x82, body)


def puback_packet(packet_id: int) -> bytes:
    """PUBACK for a received PUBLISH."""
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


class MqttCore:
    """The receiving half of one connection, and the identifiers of the sending half."""

    def __init__(self, packet_bytes: int) -> None:
        """`packet_bytes`: the largest packet body that is held in memory."""
        self._cap = packet_bytes
        self._last_id = 0
        # [(packet id, whatever the sender attached)] in the order of sending.
        self.in_flight = []
        self.restart()

    def restart(self) -> None:
        """A new connection begins: forget half packets, keep what must be repeated."""
        self._await_packet()
        # Kept out of circulation for a packet that is prepared but not sent; 0 for none.
        self._reserved = 0
        self.in_flight = [entry for entry in self.in_flight if entry[1] is not None]

    def reserve_id(self) -> int:
        """An identifier for a packet that may be sent later, or never."""
        self._reserved = self._free_id()
        return self._reserved

    def use_reserved(self, attached: object) -> None:
        """The prepared packet is sent now."""
        self.in_flight.append((self._reserved, attached))
        self._reserved = 0

    def take_id(self, attached: object) -> int:
        """Take an identifier until it is acknowledged, and remember `attached` with it.

        With None attached there is nothing to repeat on the next connection.
        """
        packet_id = self._free_id()
        self.in_flight.append((packet_id, attached))
        return packet_id

    def _free_id(self) -> int:
        used = [entry[0] for entry in self.in_flight]
        used.append(self._reserved)
        packet_id = self._last_id % 65535 + 1
        while packet_id in used:
            packet_id = packet_id % 65535 + 1
        self._last_id = packet_id
        return packet_id

    def _release(self, packet_id: int) -> object:
        for entry in self.in_flight:
            if entry[0] == packet_id:
                self.in_flight.remove(entry)
                return entry[1]
        return None

    def feed(self, data: bytes) -> list[tuple[object, ...]]:
        """Take received bytes.

        Returns:
            (CONNACK, session present, return code); (PUBLISH, topic, payload or None where it
            was passed over, packet id or 0 where it wants no answer); (PUBACK, attached or None
            where it is unknown); (SUBACK, return codes); (PINGRESP,).

        Raises:
            MqttError: the peer breaks the protocol.
        """
        events = []
        at = 0
        while at < len(data):
            if self._body is None:
                self._take_head(data[at])
                at += 1
            else:
                # What does not fit the body is left out: the payload of a passed-over message.
                body = self._body
                some = min(self._left, len(data) - at)
                fits = min(some, len(body) - self._filled)
                if fits:
                    body[self._filled : self._filled + fits] = data[at : at + fits]
                    self._filled += fits
                self._left -= some
                at += some
            if self._body is not None and not self._left:
                events.append(self._event(self._first, self._body))
                self._await_packet()
        return events

    def _await_packet(self) -> None:
        self._first = None
        self._body = None
        self._size = 0
        self._shift = 0
        self._filled = 0

    def _take_head(self, byte: int) -> None:
        if self._first is None:
            self._first = byte
            return
        self._size |= (byte & 0x7F) << self._shift
        self._shift += 7
        if byte & 0x80:
            if self._shift == 28:
                raise MqttError("length of more than four bytes")
            return
        size = self._left = self._size
        is_publish = self._first >> 4 == PUBLISH
        if not is_publish and size > _ANSWER_BYTES:
            raise MqttError("oversized packet")
        if size <= self._cap:
            try:
                self._body = bytearray(size)
                return
            except MemoryError:
                pass  # passed over like one that is too large
        self._body = bytearray(min(size, 4 + _TOPIC_BYTES))

    def _event(self, first: int, body: bytearray) -> tuple:
        kind = first >> 4
        if kind == PUBLISH:
            return _publish_event(first, body, self._size)
        size = len(body)
        if not first & 0x0F:
            if kind == PINGRESP and not size:
                return (PINGRESP,)
            if kind == PUBACK and size == 2:
                return (PUBACK, self._release(body[0] << 8 | body[1]))
            if kind == CONNACK and size == 2 and body[0] < 2:
                return (CONNACK, body[0] == 1, body[1])
            if kind == SUBACK and size > 2:
                self._release(body[0] << 8 | body[1])
                return (SUBACK, bytes(body[2:]))
        raise MqttError("unexpected packet %d" % first)


def _publish_event(first: int, body: bytearray, size: int) -> tuple:
    qos = first >> 1 & 3
    # We never ask for more than 1, so a server may not send more.
    if qos > 1:
        raise MqttError("QoS above the granted one")
    view = memoryview(body)
    end = 2 + (body[0] << 8 | body[1]) if len(body) > 1 else 65538
    start = end + 2 * qos
    if start > len(body):
        raise MqttError("publish cut short")
    packet_id = 0
    if qos:
        packet_id = body[end] << 8 | body[end + 1]
        if not packet_id:
            raise MqttError("packet id 0")
    try:
        topic = bytes(view[2:end]).decode()
    except UnicodeError:
        raise MqttError("topic is not UTF-8") from None
    payload = None
    if len(body) == size:
        try:
            payload = bytes(view[start:])
        except MemoryError:
            pass  # passed over too
    return PUBLISH, topic, payload, packet_id


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(first: int, body: bytearray) -> bytes:
    out = bytearray((first,))
    size = len(body)
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    out.extend(body)
    return bytes(out)
