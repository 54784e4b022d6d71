"""How long to wait before the next try, spread by chance so that a city does not knock at once."""

from firmware.core.limits import BACKOFF_MAX_MS, BACKOFF_MIN_MS


class Backoff:
    """Doubles from 1 s up to a cap of at most 300 s; half of each wait is chance."""

    def __init__(self, random_bits: object, cap_ms: int) -> None:
        """`random_bits(n)` gives an integer of n random bits."""
        self._random_bits = random_bits
        self._cap_ms = max(BACKOFF_MIN_MS, min(cap_ms, BACKOFF_MAX_MS))
        self._next_ms = BACKOFF_MIN_MS

    def next_ms(self) -> int:
        """The wait before the next try, in milliseconds."""
        full_ms = self._next_ms
        self._next_ms = min(full_ms * 2, self._cap_ms)
        return full_ms // 2 + self._random_bits(20) % (full_ms // 2 + 1)

    def reset(self) -> None:
        """The last try worked."""
        self._next_ms = BACKOFF_MIN_MS
