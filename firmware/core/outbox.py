"""What waits for the server's acknowledgement, in the order of its worth.

Events (faults, alarms, the last gasp, update steps) go before the reported state, and that
before reports; of the state only the newest waits. Reports that had to wait travel as
batches. Events and reports lie in rings of their own, so telemetry never pushes out an
event; a full ring drops its own oldest entries and counts them.

What was taken is on its way and the session's to repeat until it calls `acknowledged` with
the very entry that `take` gave. On flash the cursor follows a few acknowledgements behind:
after a cut at most ACKNOWLEDGED_UNSAVED records are sent again, and none is lost.

    outbox = open_outbox(flash)          # or Outbox(): in memory
    outbox.add_report(seq, data)
    entry = outbox.take()                # (channel, payload)
    outbox.acknowledged(entry)
"""

from firmware.core.lane import HeapRing, Lane
from firmware.core.limits import (
    ACKNOWLEDGED_UNSAVED,
    BATCH_REPORTS,
    LAST_GASP_BYTES,
    OUTBOX_EVENTS,
    OUTBOX_REPORTS,
)
from protocols.errors import ProtocolError
from protocols.messages import decode_report, encode_batch


class Outbox:
    """The node's messages that the server does not have yet."""

    def __init__(self, events: object = None, reports: object = None, log: object = None) -> None:
        """`events` and `reports` are rings, `log` keeps their cursors; without them, in memory."""
        self._events = Lane(events or HeapRing(OUTBOX_EVENTS))
        self._reports = Lane(reports or HeapRing(OUTBOX_REPORTS))
        self._log = log
        self._saved = self._cursors()
        self._state = None
        # Sent without having been taken: not stored yet, and [(number, entry)] since.
        self._adopted = []
        self._aside = []
        self.is_failing = False

    @property
    def dropped_reports(self) -> int:
        """Reports that never reached the server, over all boots."""
        return self._reports.dropped()

    @property
    def dropped_events(self) -> int:
        """Events that never reached the server, over all boots."""
        return self._events.dropped()

    def add_event(self, data: bytes, is_last: bool = False) -> None:
        """Queue an encoded event; the last gasp takes the room that all others leave it."""
        if self._adopted:
            self._store_adopted()
        if self._events.append(data, 0 if is_last else LAST_GASP_BYTES) is None:
            self.is_failing = True

    def set_state(self, data: bytes) -> None:
        """Queue the encoded reported state in place of an older one."""
        self._state = data

    def add_report(self, seq: int, data: bytes) -> None:
        """Queue an encoded report under its sequence number."""
        if self._reports.append(data) is None:
            self.is_failing = True

    def adopt(self, entry: tuple[str, bytes]) -> None:
        """An event that is on its way already; from an interrupt too, it is stored later."""
        self._adopted.append(entry)

    def waiting(self) -> int:
        """How many messages wait."""
        return self._events.waiting() + self._reports.waiting() + (self._state is not None)

    def take(self) -> tuple[str, bytes] | None:
        """The next (channel, payload), or None when nothing waits."""
        if self._adopted:
            self.save()
        entry = self._take_event()
        if entry is None and self._state is not None:
            entry = "state", self._state
            self._state = None
        return entry or self._take_reports()

    def acknowledged(self, entry: tuple[str, bytes]) -> None:
        """The server has it."""
        if entry in self._adopted:
            self._adopted.remove(entry)
            return
        for aside in self._aside:
            if aside[1] is entry:
                aside[1] = None
                return
        if self._events.acknowledge(entry) or self._reports.acknowledge(entry):
            now = self._events.acknowledged + self._reports.acknowledged
            if now - self._saved[0] - self._saved[2] >= ACKNOWLEDGED_UNSAVED:
                self.save()

    def save(self, always: bool = False) -> None:
        """Bring flash up to date, where a pause or an end is near."""
        self._store_adopted()
        cursors = self._cursors()
        if self._log is None or (cursors == self._saved and not always):
            return
        try:
            self._log.save(cursors)
            self._saved = cursors
        except OSError:
            self.is_failing = True

    def _cursors(self) -> tuple[int, int, int, int]:
        return (
            self._events.acknowledged,
            self._events.missed,
            self._reports.acknowledged,
            self._reports.missed,
        )

    def _store_adopted(self) -> None:
        while self._adopted:
            entry = self._adopted.pop(0)
            number = self._events.append(entry[1])
            if number is None:
                self.is_failing = True
            else:
                self._aside.append([number, entry])

    def _take_event(self) -> tuple[str, bytes] | None:
        events = self._events
        while True:
            record = events.peek()
            if record is None:
                return None
            events.skip()
            is_aside = False
            while self._aside and self._aside[0][0] <= record[0]:
                # Adopted: it is with the server, or on its way there.
                number, entry = self._aside.pop(0)
                events.took(number, entry)
                is_aside = number == record[0]
            if is_aside:
                continue
            entry = "event", record[1]
            events.took(record[0], entry)
            return entry

    def _take_reports(self) -> tuple[str, bytes] | None:
        """One report, or a batch of those whose numbers follow each other."""
        reports = self._reports
        record = reports.peek()
        if record is None:
            return None
        reports.skip()
        last, data = record
        entry = "report", data
        rows = []
        following = reports.peek()
        if following is not None:
            kind, boot, first, rows = _rows_of(data)
        while rows and following is not None and len(rows) < BATCH_REPORTS:
            kind_of, boot_of, seq, more = _rows_of(following[1])
            if not more or (kind_of, boot_of, seq) != (kind, boot, first + len(rows)):
                break
            rows.extend(more)
            last = following[0]
            reports.skip()
            following = reports.peek()
        if len(rows) > 1:
            entry = "batch", encode_batch(kind, boot, first, rows)
        reports.took(last, entry)
        return entry


def _rows_of(data: bytes) -> tuple[int, int, int, list]:
    """(kind, boot, seq, [(at_s, values)]) of an encoded report; no row where it is not one."""
    try:
        kind, boot, seq, at_s, values = decode_report(data)
    except ProtocolError:
        # Stored by an application with another contract: it travels alone, as it is.
        return 0, 0, 0, []
    return kind, boot, seq, [(at_s, values)]
