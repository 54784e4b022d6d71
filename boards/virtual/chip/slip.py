"""SLIP, the framing of the serial loader: bytes in, packets out.

Owns: escapes, noise between packets, a limit on a packet's length.

decoder = SlipDecoder(limit=20000)
packets = decoder.feed(data)

Source: RFC 1055; Espressif, esptool documentation, "Serial Protocol", low level protocol.
"""

END = 0xC0
_ESCAPE = 0xDB
_ESCAPED_END = 0xDC
_ESCAPED_ESCAPE = 0xDD


def encode(packet: bytes) -> bytes:
    """One packet as it goes over the line."""
    body = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
    return b"\xc0" + body + b"\xc0"


class SlipDecoder:
    """Takes a stream apart; what is no packet is dropped and counted.

    Attributes:
        dropped: Packets that were too long or held a wrong escape.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._packet: bytearray | None = None
        self._escaped = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that end in these bytes; empty ones are none."""
        found: list[bytes] = []
        at = 0
        while at < len(data):
            if self._packet is None:
                at = self._find_start(data, at)
                continue
            end = data.find(END, at)
            piece = data[at:] if end < 0 else data[at:end]
            if not self._take(piece):
                at += len(piece)
                continue
            at += len(piece)
            if end >= 0:
                at = end + 1
                self._finish(found)
        return found

    def _find_start(self, data: bytes, at: int) -> int:
        start = data.find(END, at)
        if start < 0:
            return len(data)
        self._packet = bytearray()
        self._escaped = False
        return start + 1

    def _take(self, piece: bytes) -> bool:
        """Add a piece without an END; False where the packet had to be given up."""
        packet = self._packet
        assert packet is not None
        if not self._escaped and _ESCAPE not in piece:
            packet += piece
        else:
            for byte in piece:
                if self._escaped:
                    if byte not in (_ESCAPED_END, _ESCAPED_ESCAPE):
                        return self._drop()
                    packet.append(END if byte == _ESCAPED_END else _ESCAPE)
                    self._escaped = False
                elif byte == _ESCAPE:
                    self._escaped = True
                else:
                    packet.append(byte)
        return len(packet) <= self._limit or self._drop()

    def _drop(self) -> bool:
        self._packet = None
        self.dropped += 1
        return False

    def _finish(self, found: list[bytes]) -> None:
        packet = self._packet
        assert packet is not None
        if self._escaped:
            self._drop()
        elif packet:
            found.append(bytes(packet))
            self._packet = None
        else:
            # Two ENDs in a row: the second begins a packet.
            self._packet = bytearray()
