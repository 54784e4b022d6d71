"""CBOR, the deterministic subset that the contract uses (RFC 8949, section 4.2.1).

Integers, byte strings, text, arrays, maps with text or integer keys, true,
false and null; definite lengths and shortest heads only. Floats and tags are
refused: readings travel as scaled integers, so that a node's 32-bit floats
and the server's doubles never disagree.

    data = encode([1, "ab", None])
    value = decode(data)

What a node says most is a row of integers: encode_row() writes the same bytes as
encode() in a third of its instructions (tests/budgets holds the figure).
"""

from protocols.errors import MALFORMED, OVERSIZED, TRUNCATED, ProtocolError
from protocols.limits import CBOR_DEPTH, CBOR_ITEMS

_LIMIT_64 = 1 << 64


def encode(value: object) -> bytes:
    """Encodes one value; equal values give equal bytes.

    Raises:
        ProtocolError: malformed, for a type or an integer outside the subset.
    """
    out = bytearray()
    _write(out, value, 0)
    return bytes(out)


def encode_row(items: list[int | None]) -> bytes:
    """Encodes an array of at most 255 integers and None.

    The bytes are those of encode(), True counting as 1. No call and no growing
    buffer stands between the items: each costs a node a thousand instructions.

    Raises:
        ProtocolError: malformed, for an integer outside the subset.
    """
    count = len(items)
    # A head and eight bytes are the most that an integer takes.
    out = bytearray(2 + 9 * count)
    if count < 24:
        out[0] = 0x80 | count
        at = 1
    else:
        out[0] = 0x98
        out[1] = count
        at = 2
    for item in items:
        if item is None:
            out[at] = 0xF6
            at += 1
            continue
        high = item >> 8
        if not high:
            if item < 24:
                out[at] = item
                at += 1
            else:
                out[at] = 24
                out[at + 1] = item
                at += 2
            continue
        top = high >> 8
        if not top:
            out[at] = 25
            out[at + 1] = high
            out[at + 2] = item & 0xFF
            at += 3
        elif not top >> 16:
            # A time is no small integer on a 32-bit node: cut it up with few sums.
            out[at] = 26
            out[at + 1] = top >> 8
            out[at + 2] = top & 0xFF
            out[at + 3] = high & 0xFF
            out[at + 4] = item & 0xFF
            at += 5
        else:
            at = _put_far(out, at, item)
    return bytes(out[:at])


def decode(data: bytes) -> object:
    """Decodes exactly one value that fills `data` to its last byte.

    Raises:
        ProtocolError: truncated, malformed or oversized.
    """
    reader = _Reader(data)
    value = reader.item(0)
    if reader.position != len(data):
        raise ProtocolError(MALFORMED, "bytes after the value")
    return value


def _put_far(out: bytearray, at: int, item: int) -> int:
    """Puts a negative or a very large integer at `at`; where the next one goes."""
    if -257 < item < -24:
        out[at] = 0x38
        out[at + 1] = -1 - item
        return at + 2
    data = encode(item)
    out[at : at + len(data)] = data
    return at + len(data)


def _head(out: bytearray, major: int, count: int) -> None:
    if count < 24:
        out.append(major | count)
    elif count < 0x100:
        out.append(major | 24)
        out.append(count)
    elif count < 0x10000:
        out.append(major | 25)
        out.extend(count.to_bytes(2, "big"))
    elif count < 0x100000000:
        out.append(major | 26)
        out.extend(count.to_bytes(4, "big"))
    elif count < _LIMIT_64:
        out.append(major | 27)
        out.extend(count.to_bytes(8, "big"))
    else:
        raise ProtocolError(MALFORMED, "integer over 64 bits")


def _write(out: bytearray, value: object, depth: int) -> None:
    if depth > CBOR_DEPTH:
        raise ProtocolError(MALFORMED, "nested too deep")
    # bool before int: True is an int too.
    if value is None:
        out.append(0xF6)
    elif value is True:
        out.append(0xF5)
    elif value is False:
        out.append(0xF4)
    elif isinstance(value, int):
        if value < 0:
            _head(out, 0x20, -1 - value)
        else:
            _head(out, 0x00, value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _head(out, 0x40, len(value))
        out.extend(value)
    elif isinstance(value, str):
        text = value.encode()
        _head(out, 0x60, len(text))
        out.extend(text)
    elif isinstance(value, (list, tuple)):
        _head(out, 0x80, len(value))
        for item in value:
            _write(out, item, depth + 1)
    elif isinstance(value, dict):
        _write_map(out, value, depth)
    else:
        raise ProtocolError(MALFORMED, "no CBOR for " + type(value).__name__)


def _write_map(out: bytearray, value: dict, depth: int) -> None:
    _head(out, 0xA0, len(value))
    pairs = []
    for key in value:
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            raise ProtocolError(MALFORMED, "a map key is text or an integer")
        pairs.append((encode(key), key))
    pairs.sort(key=lambda pair: pair[0])
    for head, key in pairs:
        out.extend(head)
        _write(out, value[key], depth + 1)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.items = 0

    def item(self, depth: int) -> object:
        if depth > CBOR_DEPTH:
            raise ProtocolError(MALFORMED, "nested too deep")
        self.items += 1
        if self.items > CBOR_ITEMS:
            raise ProtocolError(OVERSIZED, "too many items")
        data = self.data
        position = self.position
        if position >= len(data):
            raise ProtocolError(TRUNCATED, "value missing")
        first = data[position]
        major = first >> 5
        # The whole of most reports: a small or 16-bit integer.
        if major == 7:
            self.position = position + 1
            if first == 0xF6:
                return None
            if first == 0xF5:
                return True
            if first == 0xF4:
                return False
            raise ProtocolError(MALFORMED, "float or simple value")
        count = self._count(first & 31)
        if major == 0:
            return count
        if major == 1:
            return -1 - count
        if major == 2:
            return self._take(count)
        if major == 3:
            return self._text(count)
        if major == 4:
            self._room(count)
            return [self.item(depth + 1) for _ in range(count)]
        if major == 5:
            return self._map(count, depth)
        raise ProtocolError(MALFORMED, "tag")

    def _count(self, short: int) -> int:
        position = self.position + 1
        self.position = position
        if short < 24:
            return short
        if short > 27:
            raise ProtocolError(MALFORMED, "indefinite or reserved length")
        size = 1 << (short - 24)
        count = int.from_bytes(self._take(size), "big")
        if count < (24, 0x100, 0x10000, 0x100000000)[short - 24]:
            raise ProtocolError(MALFORMED, "head is not the shortest")
        return count

    def _take(self, size: int) -> bytes:
        start = self.position
        if size > len(self.data) - start:
            raise ProtocolError(TRUNCATED, "string cut short")
        self.position = start + size
        return bytes(self.data[start : start + size])

    def _text(self, size: int) -> str:
        raw = self._take(size)
        try:
            text = raw.decode()
        except UnicodeError:
            raise ProtocolError(MALFORMED, "text is not UTF-8") from None
        # MicroPython lets surrogates through where CPython refuses them.
        for character in text:
            if 0xD800 <= ord(character) <= 0xDFFF:
                raise ProtocolError(MALFORMED, "text is not UTF-8")
        return text

    def _room(self, count: int) -> None:
        # An item is a byte at least: a huge count cannot make us allocate.
        if count > len(self.data) - self.position:
            raise ProtocolError(TRUNCATED, "array or map cut short")

    def _map(self, count: int, depth: int) -> dict:
        self._room(count)
        result: dict = {}
        for _ in range(count):
            key = self.item(depth + 1)
            if isinstance(key, bool) or not isinstance(key, (int, str)):
                raise ProtocolError(MALFORMED, "a map key is text or an integer")
            if key in result:
                raise ProtocolError(MALFORMED, "map key twice")
            result[key] = self.item(depth + 1)
        return result
