"""Slows down guessing of passwords: a bounded memory of recent failures.

Failures count per (user, address), so that nobody can lock out an operator
from elsewhere, and per address, so that one machine cannot try many names.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

# 5 wrong passwords a minute is 7,200 a day: useless against 10 characters, kind to a typist.
FAILURES_PER_LOGIN = 5
FAILURES_PER_ADDRESS = 30
WINDOW_S = 60
KEYS = 10_000


class LoginLimiter:
    """Failures of the last minute, by key; the oldest key is forgotten when full."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, username: str, address: str, now_s: int) -> int:
        """Seconds until this login may be tried again; 0 when it may now."""
        with self._lock:
            return max(
                self._wait((username, address), FAILURES_PER_LOGIN, now_s),
                self._wait(("", address), FAILURES_PER_ADDRESS, now_s),
            )

    def failed(self, username: str, address: str, now_s: int) -> None:
        """Remembers a wrong password."""
        with self._lock:
            for key in ((username, address), ("", address)):
                times = self._failures.setdefault(key, deque(maxlen=FAILURES_PER_ADDRESS))
                times.append(now_s)
                self._failures.move_to_end(key)
            while len(self._failures) > KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, username: str, address: str) -> None:
        """Forgets the failures of this login, not those of its address."""
        with self._lock:
            self._failures.pop((username, address), None)

    def _wait(self, key: tuple[str, str], allowed: int, now_s: int) -> int:
        times = self._failures.get(key)
        if times is None:
            return 0
        # A machine clock set back must not lock anybody out for longer than the window.
        while times and not 0 <= now_s - times[0] < WINDOW_S:
            times.popleft()
        if not times:
            del self._failures[key]
            return 0
        if len(times) < allowed:
            return 0
        return max(1, times[0] + WINDOW_S - now_s)
