"""Delta coding of the columns of a batch.

Ten reports of one lamp differ little from each other, so a batch stores each
field as a column: null or an integer when all rows agree, else a byte string
of variable-length integers, 7 bits a byte, low bits first. The number 0 is
"no reading"; any other n stands for zigzag(value - previous value) + 1, the
previous value of the first row being 0.
"""

from protocols.errors import MALFORMED, OUT_OF_RANGE, TRUNCATED, ProtocolError

# A 64-bit value needs ten groups of 7 bits.
_GROUPS = 10


def pack_column(values: list[int | None]) -> int | bytes | None:
    """One column of integers or None -> null, int or bytes."""
    first = values[0]
    if all(value == first for value in values):
        return first
    out = bytearray()
    previous = 0
    for value in values:
        if value is None:
            out.append(0)
            continue
        delta = value - previous
        previous = value
        number = (delta << 1 if delta >= 0 else (-delta << 1) - 1) + 1
        while number >= 0x80:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        out.append(number)
    return bytes(out)


def unpack_column(column: object, count: int) -> list[int | None]:
    """The column of `count` rows.

    Raises:
        ProtocolError: malformed, truncated or out_of_range.
    """
    if column is None:
        return [None] * count
    if isinstance(column, int) and not isinstance(column, bool):
        return [column] * count
    if not isinstance(column, bytes):
        raise ProtocolError(MALFORMED, "column is not null, integer or bytes")
    values: list[int | None] = []
    position = 0
    previous = 0
    for _ in range(count):
        number, position = _number(column, position)
        if number == 0:
            values.append(None)
            continue
        number -= 1
        previous += -(number + 1 >> 1) if number & 1 else number >> 1
        values.append(previous)
    if position != len(column):
        raise ProtocolError(MALFORMED, "bytes after a column")
    return values


def _number(column: bytes, position: int) -> tuple[int, int]:
    number = 0
    for group in range(_GROUPS):
        if position >= len(column):
            raise ProtocolError(TRUNCATED, "column cut short")
        byte = column[position]
        position += 1
        number |= (byte & 0x7F) << 7 * group
        if byte < 0x80:
            return number, position
    raise ProtocolError(OUT_OF_RANGE, "number in a column")
