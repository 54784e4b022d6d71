"""SIMULATOR: one end of a PPP connection, as lwIP in the chip and a modem speak it.

HDLC-like frames with their checksum, LCP and IPCP with addresses and a name server; what
would then be IP goes by the host's own network. Both ends are this class: the chip's end asks
for an address, the modem's end gives it.

Source: RFC 1661 (LCP), RFC 1662 (framing, appendix C), RFC 1332 and RFC 1877 (IPCP).
"""

_FLAG, _ESCAPE = 0x7E, 0x7D
_LCP, _IPCP = 0xC021, 0x8021
_REQUEST, _ACK, _NAK, _TERMINATE, _TERMINATE_ACK = 1, 2, 3, 5, 6
_ADDRESS, _DNS = 3, 129
_NONE = bytes(4)
_FRAME_BYTES = 1600
_LONGEST_OPTIONS = 64


def fcs16(data: bytes) -> int:
    """The frame check sequence: CRC-16/X.25."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc ^ 0xFFFF


def framed(protocol: int, body: bytes) -> bytes:
    """A frame as it goes over the line."""
    inner = b"\xff\x03" + protocol.to_bytes(2, "big") + body
    inner += fcs16(inner).to_bytes(2, "little")
    out = bytearray((_FLAG,))
    for byte in inner:
        if byte in (_FLAG, _ESCAPE) or byte < 0x20:
            out.append(_ESCAPE)
            byte ^= 0x20
        out.append(byte)
    out.append(_FLAG)
    return bytes(out)


class PppEnd:
    """One end; bytes go in by `feed`, out by `write`."""

    def __init__(self, write: object, gives: dict | None = None) -> None:
        """`gives` {"own", "address", "dns"}: dotted addresses that the modem's end gives."""
        self._write = write
        self._gives = gives and {key: _packed(value) for key, value in gives.items()}
        self._frame = bytearray()
        self._escaped = False
        self._number = 0
        self._acked = set()
        self._acks = set()
        self.address = self._gives["own"] if self._gives else _NONE
        self.dns = _NONE
        self.is_closed = False
        # What came in with a wrong checksum, or was no frame at all.
        self.damaged = 0

    def start(self) -> None:
        """Open the link."""
        self._request(_LCP)

    def is_up(self) -> bool:
        """Whether both sides agreed about everything."""
        return not self.is_closed and _IPCP in self._acked and _IPCP in self._acks

    def terminate(self) -> None:
        """Ask the other end to close."""
        self._send(_LCP, _TERMINATE, b"")

    def feed(self, data: bytes) -> None:
        """Take bytes from the line."""
        for byte in data:
            if byte == _FLAG:
                frame, self._frame = bytes(self._frame), bytearray()
                self._escaped = False
                if frame:
                    self._take(frame)
            elif byte == _ESCAPE:
                self._escaped = True
            elif len(self._frame) < _FRAME_BYTES:
                self._frame.append(byte ^ 0x20 if self._escaped else byte)
                self._escaped = False

    def _take(self, frame: bytes) -> None:
        whole = len(frame) >= 10 and frame[:2] == b"\xff\x03"
        if not whole or fcs16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            self.damaged += 1
            return
        protocol = int.from_bytes(frame[2:4], "big")
        if protocol not in (_LCP, _IPCP):
            return
        code, number = frame[4], frame[5]
        options = frame[8 : 4 + min(int.from_bytes(frame[6:8], "big"), _LONGEST_OPTIONS + 4)]
        if code == _REQUEST:
            self._answer(protocol, number, options)
        elif code == _ACK and number == self._number:
            self._acked.add(protocol)
            if protocol == _LCP and self._gives is None:
                self._request(_IPCP)
        elif code == _NAK and number == self._number:
            self._adopt(options)
            self._request(protocol)
        elif code in (_TERMINATE, _TERMINATE_ACK) and protocol == _LCP:
            if code == _TERMINATE:
                self._send(_LCP, _TERMINATE_ACK, b"", number)
            self.is_closed = True

    def _answer(self, protocol: int, number: int, options: bytes) -> None:
        better = self._better(options) if protocol == _IPCP and self._gives else b""
        self._send(protocol, _NAK if better else _ACK, better or options, number)
        if not better:
            self._acks.add(protocol)
        if self._gives is not None and protocol not in self._acked:
            self._request(protocol)

    def _better(self, options: bytes) -> bytes:
        """The options that the modem's end would rather see."""
        out = b""
        for kind, value in _each(options):
            wanted = {_ADDRESS: self._gives["address"], _DNS: self._gives["dns"]}.get(kind)
            if wanted is not None and value != wanted:
                out += bytes((kind, 6)) + wanted
        return out

    def _adopt(self, options: bytes) -> None:
        for kind, value in _each(options):
            if kind == _ADDRESS:
                self.address = value
            elif kind == _DNS:
                self.dns = value

    def _request(self, protocol: int) -> None:
        self._number = (self._number + 1) & 0xFF
        body = b""
        if protocol == _IPCP:
            body = bytes((_ADDRESS, 6)) + self.address
            if self._gives is None:
                body += bytes((_DNS, 6)) + self.dns
        self._send(protocol, _REQUEST, body, self._number)

    def _send(self, protocol: int, code: int, body: bytes, number: int = 0) -> None:
        head = bytes((code, number)) + (len(body) + 4).to_bytes(2, "big")
        self._write(framed(protocol, head + body))


def dotted(address: bytes) -> str:
    """Four bytes as people write an address."""
    return ".".join([str(byte) for byte in address])


def _packed(address: str) -> bytes:
    return bytes([int(part) for part in address.split(".")])


def _each(options: bytes) -> list:
    found = []
    while len(options) >= 2 and 2 <= options[1] <= len(options):
        found.append((options[0], options[2 : options[1]]))
        options = options[options[1] :]
    return found
