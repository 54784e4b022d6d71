"""Everything the node says, stamped: (node, boot, sequence) names a message for ever.

Owns the boot counter, the sequence and the time stamp. The boot counter is on flash before
the first message of that boot exists, so a number can never be given twice.
"""

from firmware.core.clock import Clock
from firmware.core.outbox import Outbox
from firmware.core.storage import read_checked, write_checked
from protocols.limits import BOOT_MAX, TIME_MAX_S, TIME_MIN_S
from protocols.messages import LAST_GASP, encode_event, encode_report, encode_state

_BOOT_FILE = "state/boot"


def next_boot(now_s: int, first: int) -> tuple[int, bool]:
    """Count this boot on flash: its number, and whether the old count was lost.

    A lost count goes on from the minutes since 1970, which no node reaches by booting, so
    that old numbers are not given again. A new board goes on above the one that it replaces,
    with `first`.
    """
    data, _ = read_checked(_BOOT_FILE)
    lost = False
    last = 0
    if data is not None and len(data) == 4:
        last = int.from_bytes(data, "big")
    elif _was_provisioned_before():
        last = now_s // 60
        lost = True
    boot = min(max(last + 1, first), BOOT_MAX)
    write_checked(_BOOT_FILE, boot.to_bytes(4, "big"))
    return boot, lost


def _was_provisioned_before() -> bool:
    """Whether a copy is there but damaged: on a new node there is none."""
    return read_checked(_BOOT_FILE)[1]


class Journal:
    """Stamps messages and hands them to the outbox."""

    def __init__(self, kind: int, boot: int, clock: Clock, outbox: Outbox) -> None:
        self.kind = kind
        self.boot = boot
        self.outbox = outbox
        self._clock = clock
        self.next_seq = 0
        # Called after each new message: the session wakes up.
        self.on_new = None

    def take_seq(self) -> int:
        """The next sequence number, given away for good."""
        seq = self.next_seq
        self.next_seq = seq + 1
        return seq

    def stamp_s(self) -> int:
        """Now, within what the contract can carry even when the clock was never set."""
        return max(TIME_MIN_S, min(TIME_MAX_S, self._clock.now_s()))

    def report(self, values: list[int | None]) -> None:
        """Queue a report of scaled values."""
        seq = self.take_seq()
        data = encode_report(self.kind, self.boot, seq, self.stamp_s(), values)
        self.outbox.add_report(seq, data)
        self._notify()

    def event(self, code: int, detail: dict) -> None:
        """Queue an event."""
        data = self.event_data(code, detail, self.take_seq())
        self.outbox.add_event(data, code == LAST_GASP)
        self._notify()

    def event_data(self, code: int, detail: dict, seq: int) -> bytes:
        """An encoded event under a number taken before, for who sends it by other ways."""
        return encode_event(self.kind, self.boot, seq, self.stamp_s(), code, detail)

    def state(self, desired_version: int, facts: dict) -> None:
        """Queue the reported state."""
        seq = self.take_seq()
        data = encode_state(self.kind, self.boot, seq, self.stamp_s(), desired_version, facts)
        self.outbox.set_state(data)
        self._notify()

    def _notify(self) -> None:
        if self.on_new is not None:
            self.on_new()
