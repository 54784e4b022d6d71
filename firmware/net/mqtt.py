"""MQTT 3.1.1 for one client, sans-IO: bytes in, events out.

Owns packet forms, packet identifiers and what is un-acknowledged. Sockets, timeouts and
what the payloads mean belong to session.py. QoS 0 and 1; a packet above the cap is skipped
on the wire without holding it in memory, and named.

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
# Not a packet of the standard: a PUBLISH that was skipped because of its size.
SKIPPED = 100

PINGREQ_PACKET = b"\xc0\x00"
DISCONNECT_PACKET = b"\xe0\x00"

# A topic of ours has at most 48 bytes; a skipped packet's topic is held, so it is bounded.
_TOPIC_BYTES = 255


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
        self._buffer = bytearray()
        self._skip = 0
        self._last_id = 0
        # Kept out of circulation for a packet that is prepared but not sent; 0 for none.
        self._reserved = 0
        # [(packet id, whatever the sender attached)] in the order of sending.
        self.in_flight = []

    def restart(self) -> None:
        """A new connection begins: forget half packets, keep what must be repeated."""
        self._buffer = bytearray()
        self._skip = 0
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

    def release(self, packet_id: int) -> object:
        """End an identifier's life: what was attached to it, or None if it is unknown."""
        for index in range(len(self.in_flight)):
            if self.in_flight[index][0] == packet_id:
                return self.in_flight.pop(index)[1]
        return None

    def feed(self, data: bytes) -> list[tuple[object, ...]]:
        """Take received bytes.

        Returns:
            (CONNACK, session present, return code); (PUBLISH, topic, payload, QoS,
            packet id, retained); (SKIPPED, topic, size, QoS, packet id); (PUBACK, attached
            or None); (SUBACK, packet id, return codes); (PINGRESP,).

        Raises:
            MqttError: the bytes are not MQTT as a server may speak it.
        """
        if self._skip:
            if self._skip >= len(data):
                self._skip -= len(data)
                return []
            data = data[self._skip :]
            self._skip = 0
        self._buffer.extend(data)
        events = []
        while True:
            used = self._next(events)
            if not used:
                break
            if used < len(self._buffer):
                self._buffer = self._buffer[used:]
            else:
                self._skip = used - len(self._buffer)
                self._buffer = bytearray()
                break
        return events

    def _next(self, events: list) -> int:
        """Read one packet from the buffer's start: its whole size, or 0 to wait for more."""
        buffer = self._buffer
        if len(buffer) < 2:
            return 0
        size = 0
        start = 1
        while True:
            if start > 4:
                raise MqttError("length of more than four bytes")
            if start >= len(buffer):
                return 0
            byte = buffer[start]
            size |= (byte & 0x7F) << 7 * (start - 1)
            start += 1
            if byte < 0x80:
                break
        if size > self._cap:
            return self._skipped(start, size, events)
        if len(buffer) < start + size:
            return 0
        events.append(self._packet_event(buffer[0], bytes(buffer[start : start + size])))
        return start + size

    def _skipped(self, start: int, size: int, events: list) -> int:
        buffer = self._buffer
        if buffer[0] >> 4 != PUBLISH:
            raise MqttError("oversized packet")
        if len(buffer) < start + 2:
            return 0
        topic_size = buffer[start] << 8 | buffer[start + 1]
        if topic_size > _TOPIC_BYTES:
            raise MqttError("oversized topic")
        head = start + 2 + topic_size + 2
        if len(buffer) < head:
            return 0
        qos = _qos(buffer[0])
        topic = _decode(buffer[start + 2 : head - 2])
        packet_id = (buffer[head - 2] << 8 | buffer[head - 1]) if qos else 0
        events.append((SKIPPED, topic, size, qos, packet_id))
        return start + size

    def _packet_event(self, first: int, body: bytes) -> tuple:
        kind = first >> 4
        if kind == PUBLISH:
            return _publish_event(first, body)
        if first & 0x0F:
            raise MqttError("reserved flags")
        if kind == PINGRESP and not body:
            return (PINGRESP,)
        if kind == PUBACK and len(body) == 2:
            return (PUBACK, self.release(body[0] << 8 | body[1]))
        if kind == CONNACK and len(body) == 2 and body[0] < 2:
            return (CONNACK, body[0] == 1, body[1])
        if kind == SUBACK and len(body) >= 3:
            return (SUBACK, body[0] << 8 | body[1], tuple(body[2:]))
        raise MqttError("unexpected packet type %d" % kind)


def _publish_event(first: int, body: bytes) -> tuple:
    qos = _qos(first)
    if len(body) < 2:
        raise MqttError("publish without a topic")
    end = 2 + (body[0] << 8 | body[1])
    start = end + 2 if qos else end
    if len(body) < start:
        raise MqttError("publish cut short")
    packet_id = (body[end] << 8 | body[end + 1]) if qos else 0
    if qos and not packet_id:
        raise MqttError("packet id 0")
    return (PUBLISH, _decode(body[2:end]), body[start:], qos, packet_id, bool(first & 1))


def _qos(first: int) -> int:
    qos = first >> 1 & 3
    # We never ask for more than 1, so a server may not send more.
    if qos > 1:
        raise MqttError("QoS above the granted one")
    return qos


def _decode(raw: bytes) -> str:
    try:
        return bytes(raw).decode()
    except UnicodeError:
        raise MqttError("topic is not UTF-8") from None


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
