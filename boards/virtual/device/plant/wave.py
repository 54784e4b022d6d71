"""SIMULATOR: pulses that come into a pin, and the chip's loop that measures them.

The loop of a chip runs on a core of its own; this process shares its core with others. So
time on the wire goes on by what is measured, starting from the moment at which the program
began to listen, and the process sleeps until the real time is there too.
"""

import time

# The program begins to listen in time and comes back for the next pulse at once: what it is late
# by, up to this, is the host's doing, which gave the core to somebody else.
_HELD_US = 500000
# What an ESP32's interpreter takes between two measurements.
_BETWEEN_US = 25


class Wave:
    """One input."""

    def __init__(self) -> None:
        # (tick of the change, level from then on)
        self._edges = []
        self._now_us = None

    def play(self, at_us: int, lengths_us: list[float]) -> None:
        """Let pulses begin at tick `at_us`: high first, then in turns, low after the last.

        Nothing to play ends what was played before.
        """
        edges = []
        level = 1
        passed_us = 0.0
        for length_us in lengths_us:
            edges.append((time.ticks_add(at_us, int(passed_us)), level))
            passed_us += length_us
            level ^= 1
        if lengths_us:
            edges.append((time.ticks_add(at_us, int(passed_us)), 0))
        self._edges = edges
        self._now_us = None

    def pulse_us(self, level: int, timeout_us: int, rest: int) -> int:
        """As machine.time_pulse_us; `rest` is the pin's level where nothing is played."""
        real_us = time.ticks_us()
        now_us = self._now_us
        if now_us is None and self._edges:
            now_us = time.ticks_add(self._edges[0][0], -2 * _BETWEEN_US)
            if time.ticks_diff(real_us, now_us) < 0:
                now_us = real_us  # it has yet to begin
        if now_us is None or time.ticks_diff(real_us, now_us) > _HELD_US:
            now_us = real_us
        now_us = time.ticks_add(now_us, _BETWEEN_US)
        if self._level_at(now_us, rest) != level:
            begin_us = self._next(now_us, timeout_us)
            if begin_us is None:
                self._reach(time.ticks_add(now_us, timeout_us))
                return -2
            now_us = begin_us
        end_us = self._next(now_us, timeout_us)
        if end_us is None:
            self._reach(time.ticks_add(now_us, timeout_us))
            return -1
        self._reach(end_us)
        return time.ticks_diff(end_us, now_us)

    def _level_at(self, tick_us: int, rest: int) -> int:
        found = rest
        for at_us, level in self._edges:
            if time.ticks_diff(tick_us, at_us) < 0:
                break
            found = level
        return found

    def _next(self, after_us: int, within_us: int) -> int | None:
        before = None
        for at_us, level in self._edges:
            ahead_us = time.ticks_diff(at_us, after_us)
            if ahead_us > 0 and level != before:
                return at_us if ahead_us <= within_us else None
            before = level
        return None

    def _reach(self, tick_us: int) -> None:
        self._now_us = tick_us
        ahead_us = time.ticks_diff(tick_us, time.ticks_us())
        if ahead_us > 0:
            time.sleep_us(ahead_us)
