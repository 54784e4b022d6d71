"""What a reset leaves alone and a power cut does not: named areas of the chip's RTC memory.

The chip keeps 2048 bytes through a reset, its watchdog, a brown-out and deep sleep. Each area
has its own length and checksum, since a brown-out may leave anything behind. Nothing here
wears out, so it may change as often as it likes.

    kept = KeptMemory(chip.clock())
    kept.write(NODE, b"..")
    kept.read(NODE)                # the same bytes after a reset, None after a power cut

    area     length u16 | CRC-32 u32, little endian | data
"""

from binascii import crc32

# Area -> (first byte, bytes). What was laid out once stays, for the next release reads it.
BOOT = (0, 512)
NODE = (512, 1536)

_HEAD_BYTES = 6


class KeptMemory:
    """The areas; an area that does not check out is empty."""

    def __init__(self, rtc: object) -> None:
        """`rtc` has memory() and memory(bytes); without them nothing is kept."""
        self._memory = getattr(rtc, "memory", None)

    def read(self, area: tuple[int, int]) -> bytes | None:
        """The data of an area; None where there is none."""
        if self._memory is None:
            return None
        start, room = area
        head = self._memory()[start : start + room]
        if len(head) < _HEAD_BYTES:
            return None
        size = head[0] | head[1] << 8
        data = head[_HEAD_BYTES : _HEAD_BYTES + size]
        if len(data) != size or crc32(data) != int.from_bytes(head[2:_HEAD_BYTES], "little"):
            return None
        return data

    def write(self, area: tuple[int, int], data: bytes) -> None:
        """Replace the data of an area, at most six bytes less than its room.

        Raises:
            ValueError: too long.
        """
        if self._memory is None:
            return
        start, room = area
        if len(data) + _HEAD_BYTES > room:
            raise ValueError("too long to keep")
        end = start + _HEAD_BYTES + len(data)
        old = self._memory()
        whole = bytearray(max(len(old), end))
        whole[: len(old)] = old
        whole[start : start + 2] = len(data).to_bytes(2, "little")
        whole[start + 2 : start + _HEAD_BYTES] = crc32(data).to_bytes(4, "little")
        whole[start + _HEAD_BYTES : end] = data
        self._memory(whole)
