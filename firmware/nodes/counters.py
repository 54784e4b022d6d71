"""A node's lifetime counters, on flash as seldom as their worth allows.

Written when the node says so (its lamp goes out, its mains fails and the board lives for
seconds more) and each hour of work: some ten writes a day. What a hard cut loses is at most
that hour.
"""

import time

from firmware.core.storage import read_checked, write_checked

_FILE = "state/counters"
_SAVE_MS = 3600000
_BYTES = 8


class Counters:
    """Named whole numbers that only grow."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """The order of the names is the order on flash."""
        data, self.was_damaged = read_checked(_FILE)
        self._names = names
        self._values = dict.fromkeys(names, 0)
        if data is not None and len(data) == _BYTES * len(names):
            for index in range(len(names)):
                raw = data[index * _BYTES : (index + 1) * _BYTES]
                self._values[names[index]] = int.from_bytes(raw, "big")
        self._saved_ms = time.ticks_ms()
        self._changed = False

    def value(self, name: str) -> int:
        """The count now."""
        return self._values[name]

    def add(self, name: str, amount: int) -> None:
        """Count on."""
        if amount:
            self._values[name] += amount
            self._changed = True

    def save(self) -> None:
        """Write now, if there is anything new."""
        if self._changed:
            parts = [self._values[name].to_bytes(_BYTES, "big") for name in self._names]
            write_checked(_FILE, b"".join(parts))
            self._changed = False
        self._saved_ms = time.ticks_ms()

    def save_if_due(self) -> None:
        """Write if the last writing is an hour ago."""
        if time.ticks_diff(time.ticks_ms(), self._saved_ms) > _SAVE_MS:
            self.save()
