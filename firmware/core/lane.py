"""One ring on its way to the server: what was taken, what was acknowledged, what is missing.

What is taken is acknowledged in any order; the cursor moves over what is acknowledged
without a gap. The ring is one of ring.py or the HeapRing below, for a node without flash.
"""


class HeapRing:
    """Records in memory behind the calls of a ring; a cut loses them, a full one its oldest."""

    def __init__(self, most: int) -> None:
        """`most` records fit."""
        self._most = most
        self._records = []
        self.next = 0
        self.expected = 0
        self.missed = 0

    def append(self, data: bytes, spare: int = 0) -> int:
        """Hold a record: its number."""
        if len(self._records) >= self._most:
            self._records.pop(0)
        self._records.append(data)
        self.next += 1
        return self.next - 1

    def read(self) -> tuple[int, bytes] | None:
        """The next record as (number, data), or None behind the newest; it is held no more."""
        if not self._records:
            return None
        number = self.next - len(self._records)
        self.missed += number - self.expected
        self.expected = number + 1
        return number, self._records.pop(0)

    def waiting(self) -> int:
        """How many records are still to be read."""
        return len(self._records)

    def overrun(self) -> int:
        """How many records that were never read have been given up, beside `missed`."""
        return self.next - len(self._records) - self.expected


class Lane:
    """A ring, read ahead by one record, and its cursor."""

    def __init__(self, ring: object) -> None:
        self._ring = ring
        self._ahead = None
        # What the ring had missed before it was read ahead.
        self._missed_before = 0
        # [number behind what was taken, its entry or None once acknowledged, missed by then]
        self._taken = []
        # Every record below is done with, and so many below it never arrived.
        self.acknowledged = ring.expected
        self.missed = ring.missed
        # Records that could not be stored.
        self.unstored = 0

    def append(self, data: bytes, spare: int = 0) -> int | None:
        """Store a record: its number, or None if it could not be stored, which is counted."""
        try:
            return self._ring.append(data, spare)
        except (OSError, ValueError):
            self.unstored += 1
            return None

    def peek(self) -> tuple[int, bytes] | None:
        """The next record to take, as (number, data)."""
        if self._ahead is None:
            self._missed_before = self._ring.missed
            self._ahead = self._ring.read()
        return self._ahead

    def skip(self) -> None:
        """Go past the record that peek gave."""
        self._ahead = None

    def took(self, last: int, entry: tuple | None) -> None:
        """All up to record `last` is on its way as `entry`; None: it has arrived already."""
        missed = self._ring.missed if self._ahead is None else self._missed_before
        self._taken.append([last + 1, entry, missed])
        self._advance()

    def acknowledge(self, entry: tuple) -> bool:
        """The server has `entry`; whether it was this lane's."""
        for taken in self._taken:
            if taken[1] is entry:
                taken[1] = None
                self._advance()
                return True
        return False

    def waiting(self) -> int:
        """How many records are still to be taken."""
        return self._ring.waiting() + (self._ahead is not None)

    def dropped(self) -> int:
        """How many records never arrived and never will, as far as the ring remembers."""
        return self._ring.missed + self._ring.overrun() + self.unstored

    def _advance(self) -> None:
        while self._taken and self._taken[0][1] is None:
            self.acknowledged, _, self.missed = self._taken.pop(0)
