"""A ring of records on NOR flash: appended without an erase, read in order, found after a cut.

Each logical sector lies twice, in two physical sectors far apart, so that whatever a power
cut does to the one sector being written, the other still has every record that append has
returned for. A sector is a head and then records, all little endian:

    head      b"CFR1" | serial u32 | number of its first record u32 | CRC-32 of these u32
    record    length u16 | low half of its number u16 | data | CRC-32 u32 | to a multiple of 4

Records are numbered for ever; the CRC of a record starts from its sector's serial, so that
what an interrupted erase left behind is not taken for one. The sector of a serial is
serial % sectors, thus the heads alone tell the order. A full ring gives up its oldest
sector; the numbers that a reader misses are counted in `missed`.

After a cut a sector whose copies differ is left as it is and the next one is opened: flash
that a cut has touched is never programmed again before its next erase.

    ring = Ring(flash, 0, 16)
    ring.begin(acknowledged, missed)
    number = ring.append(data)
    number, data = ring.read()
"""

from binascii import crc32

from firmware.core.flash import BLANK, SECTOR_BYTES

_MAGIC = b"CFR1"
_HEAD_BYTES = 16
# Length and number before the data, the checksum behind it.
_FRAME_BYTES = 8
_CHUNK_BYTES = 256
# The largest record: one that fills a sector.
RECORD_BYTES = SECTOR_BYTES - _HEAD_BYTES - _FRAME_BYTES


def stored_bytes(size: int) -> int:
    """What a record of `size` bytes takes in its sector."""
    return (size + _FRAME_BYTES + 3) & ~3


class Ring:
    """Records in 2 * `sectors` sectors of a flash, from sector `start` on."""

    def __init__(self, flash: object, start: int, sectors: int) -> None:
        """Find what is there; nothing is written before the first append."""
        self._flash = flash
        self._start = start
        self._sectors = sectors
        # By sector: the serial that lies there, -1 for none, and its first record's number.
        self._serials = [-1] * sectors
        self._firsts = [0] * sectors
        self._newest = -1
        self._oldest = 0
        # The number that the next record gets, and where in the newest sector it goes.
        self.next = 0
        self._end = SECTOR_BYTES
        # The number that the reader wants next, and where it looks for it.
        self.expected = 0
        self._read_serial = 0
        self._read_offset = _HEAD_BYTES
        # Numbers that the reader passed over because their records are gone.
        self.missed = 0
        self._find_sectors()
        self._find_end()

    def begin(self, acknowledged: int | None, missed: int) -> None:
        """Read from the record `acknowledged` on, None for the oldest; go on counting."""
        self.missed = missed
        oldest = self._first_number()
        if acknowledged is None:
            acknowledged = oldest
        if acknowledged > self.next:
            # The ring was lost: numbers that are already acknowledged must not come again.
            self.next = acknowledged
            self._end = SECTOR_BYTES
        self.expected = acknowledged
        self._read_serial = self._oldest
        for serial in range(self._oldest, self._newest + 1):
            if self._first_of(serial) is not None and self._first_of(serial) <= acknowledged:
                self._read_serial = serial
        self._read_offset = _HEAD_BYTES

    def append(self, data: bytes, spare: int = 0) -> int:
        """Store a record; it survives any cut from the moment that this returns.

        Args:
            data: At most RECORD_BYTES bytes, and not empty.
            spare: Bytes to leave blank behind it, for a record that must not wait for an erase.

        Returns:
            Its number.

        Raises:
            ValueError: the record has no place in a sector.
            OSError: the flash fails; the record is not stored.
        """
        size = stored_bytes(len(data))
        if not data or size + spare > SECTOR_BYTES - _HEAD_BYTES:
            raise ValueError("record of %d bytes" % len(data))
        if self._end + size + spare > SECTOR_BYTES:
            self._open_next()
        number = self.next
        record = bytearray(BLANK * size)
        record[0:4] = (len(data) | (number & 0xFFFF) << 16).to_bytes(4, "little")
        record[4 : 4 + len(data)] = data
        view = memoryview(record)
        check = crc32(view[: 4 + len(data)], self._newest)
        record[4 + len(data) : 8 + len(data)] = check.to_bytes(4, "little")
        offset = self._end
        # If this fails half-way the sector is not clean any more.
        self._end = SECTOR_BYTES
        for copy in (0, 1):
            self._flash.program(self._place(self._newest, copy), offset, record)
        self._end = offset + size
        self.next = number + 1
        return number

    def read(self) -> tuple[int, bytes] | None:
        """The next record as (number, data), or None behind the newest."""
        while self.expected < self.next:
            if self._read_serial < self._oldest:
                self._read_serial = self._oldest
                self._read_offset = _HEAD_BYTES
            if self._read_serial > self._newest:
                break
            found = None
            if self.expected < self._limit(self._read_serial):
                found = self._search(self._read_serial, self._read_offset)
            if found is None:
                self._read_serial += 1
                self._read_offset = _HEAD_BYTES
                continue
            number, data, self._read_offset = found
            if number >= self.expected:
                self.missed += number - self.expected
                self.expected = number + 1
                return number, data
        if self.expected < self.next:
            # The last records are gone; what comes next may still go into the same sector.
            self.missed += self.next - self.expected
            self.expected = self.next
            self._read_serial = max(0, self._newest)
            self._read_offset = _HEAD_BYTES
        return None

    def waiting(self) -> int:
        """How many records are still to be read."""
        return self.next - max(self.expected, self._first_number())

    def overrun(self) -> int:
        """How many records that were never read have been given up, beside `missed`."""
        return max(0, self._first_number() - self.expected)

    def _find_sectors(self) -> None:
        head = bytearray(_HEAD_BYTES)
        for index in range(self._sectors):
            for copy in (0, 1):
                self._flash.read(self._start + copy * self._sectors + index, 0, head)
                serial = int.from_bytes(head[4:8], "little")
                check = int.from_bytes(head[12:], "little")
                if head[:4] != _MAGIC or crc32(head[:12]) != check:
                    continue
                if serial % self._sectors == index and serial > self._serials[index]:
                    self._serials[index] = serial
                    self._firsts[index] = int.from_bytes(head[8:12], "little")
        self._newest = max(self._serials)
        self._find_oldest()

    def _find_oldest(self) -> None:
        oldest = self._newest
        for serial in self._serials:
            if self._newest - self._sectors < serial < oldest:
                oldest = serial
        self._oldest = max(0, oldest)

    def _find_end(self) -> None:
        """Where the newest sector ends, and whether it may be written on."""
        newest = self._newest
        if newest < 0:
            return
        offset = _HEAD_BYTES
        self.next = self._first_of(newest)
        while True:
            found = self._record_at(newest, offset)
            if found is None:
                break
            self.next = found[0] + 1
            offset = found[2]
        if self._is_clean(newest, offset):
            self._end = offset
            return
        while True:
            found = self._search(newest, offset)
            if found is None:
                break
            self.next = found[0] + 1
            offset = found[2]
        if self.next == self._first_of(newest):
            # Nothing is in it: it was being opened, and is opened again.
            self._serials[newest % self._sectors] = -1
            self._newest = max(self._serials)
            self._find_oldest()

    def _is_clean(self, serial: int, end: int) -> bool:
        """Whether both copies agree and are blank from `end` on."""
        first = bytearray(_CHUNK_BYTES)
        second = bytearray(_CHUNK_BYTES)
        blank = BLANK * _CHUNK_BYTES
        for offset in range(0, SECTOR_BYTES, _CHUNK_BYTES):
            self._flash.read(self._place(serial, 0), offset, first)
            self._flash.read(self._place(serial, 1), offset, second)
            used = max(0, min(_CHUNK_BYTES, end - offset))
            if first != second or first[used:] != blank[used:]:
                return False
        return True

    def _open_next(self) -> None:
        serial = self._newest + 1
        index = serial % self._sectors
        self._serials[index] = -1
        self._find_oldest()
        # A board that dies of the erase's current again and again tries the same sector each
        # time, and gives up no other: one without records does not count, see _find_end.
        for copy in (0, 1):
            self._flash.erase(self._place(serial, copy))
        head = _MAGIC + serial.to_bytes(4, "little") + self.next.to_bytes(4, "little")
        head += crc32(head).to_bytes(4, "little")
        for copy in (0, 1):
            self._flash.program(self._place(serial, copy), 0, head)
        self._serials[index] = serial
        self._firsts[index] = self.next
        self._newest = serial
        self._end = _HEAD_BYTES
        self._find_oldest()

    def _search(self, serial: int, offset: int) -> tuple[int, bytes, int] | None:
        """The first record of a sector at `offset` or behind it, damage passed over."""
        while offset <= SECTOR_BYTES - _FRAME_BYTES:
            found = self._record_at(serial, offset)
            if found is not None:
                return found
            offset += 4
        return None

    def _record_at(self, serial: int, offset: int) -> tuple[int, bytes, int] | None:
        """(number, data, end) of the record at exactly `offset`, from whichever copy has it."""
        first = self._first_of(serial)
        room = SECTOR_BYTES - offset
        if first is None or room <= _FRAME_BYTES:
            return None
        head = bytearray(4)
        for copy in (0, 1):
            self._flash.read(self._place(serial, copy), offset, head)
            size = head[0] | head[1] << 8
            if not size or stored_bytes(size) > room:
                continue  # blank, or damaged
            body = bytearray(size + 4)
            self._flash.read(self._place(serial, copy), offset + 4, body)
            data = bytes(memoryview(body)[:size])
            if crc32(data, crc32(head, serial)) == int.from_bytes(body[size:], "little"):
                low = head[2] | head[3] << 8
                number = first + (low - first & 0xFFFF)
                return number, data, offset + stored_bytes(size)
        return None

    def _place(self, serial: int, copy: int) -> int:
        return self._start + copy * self._sectors + serial % self._sectors

    def _first_of(self, serial: int) -> int | None:
        """The number of a sector's first record; None where no such sector is there."""
        index = serial % self._sectors
        return self._firsts[index] if self._serials[index] == serial else None

    def _limit(self, serial: int) -> int:
        """The number that ends a sector."""
        while serial < self._newest:
            serial += 1
            first = self._first_of(serial)
            if first is not None:
                return first
        return self.next

    def _first_number(self) -> int:
        """The number of the oldest record there is."""
        first = self._first_of(self._oldest)
        return self.next if first is None else first
