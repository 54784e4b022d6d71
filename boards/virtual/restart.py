"""What the end of a node's process means, and how soon the chip boots again. Pure.

The table of endings is the agreement with device/plant/power.py (README.md). Whoever crashes
or resets again and again waits longer each time, so a broken node costs the host little.
"""

import signal
from dataclasses import dataclass
from enum import IntEnum

EXIT_RESET = 75
EXIT_DEEP_SLEEP = 77
# One pause after another ending in quick succession; the last one repeats.
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# Who ran this long was well; the next ending counts as the first.
WELL_AFTER_S = 60.0
# A chip needs about this long from reset to its first line of Python.
RESET_S = 0.05
SLEEP_MAX_S = 7 * 86400.0


class Cause(IntEnum):
    """Why a chip boots: machine.reset_cause() of the ESP32 port."""

    POWER_ON = 1
    HARD = 2
    WATCHDOG = 3
    DEEP_SLEEP = 4


@dataclass(frozen=True, slots=True)
class Restart:
    """What follows an ending.

    Attributes:
        cause: What the next boot will be told.
        delay_s: Real seconds until then.
        text: The ending in words, for the log.
        is_crash: Whether nothing in the agreement explains it.
    """

    cause: Cause
    delay_s: float
    text: str
    is_crash: bool


class Restarts:
    """The endings of one node, in order."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def after(self, code: int, ran_s: float, sleep_ms: float | None) -> Restart:
        """Judge one ending.

        Args:
            code: Exit code; below 0 the number of the signal that ended it.
            ran_s: How long the process ran, real seconds.
            sleep_ms: How long the node wants to sleep, in real milliseconds, if it said so.
        """
        if code == EXIT_DEEP_SLEEP and sleep_ms is not None:
            self._in_a_row = 0
            # Without a time it sleeps until a pin wakes it.
            sleep_s = sleep_ms / 1000 if sleep_ms > 0 else SLEEP_MAX_S
            delay_s = min(max(sleep_s, RESET_S), SLEEP_MAX_S)
            return Restart(Cause.DEEP_SLEEP, delay_s, f"sleeps for {delay_s:.1f} s", False)
        self._in_a_row = 1 if ran_s >= WELL_AFTER_S else self._in_a_row + 1
        step = min(self._in_a_row, len(BACKOFF_S)) - 1
        if code == EXIT_RESET:
            # A first reset is quick, as on a chip; only a chain of them is slowed down.
            delay_s = RESET_S if self._in_a_row == 1 else BACKOFF_S[step]
            return Restart(Cause.HARD, delay_s, "was reset", False)
        if code == -signal.SIGALRM:
            return Restart(Cause.WATCHDOG, BACKOFF_S[step], "was reset by its watchdog", False)
        return Restart(Cause.HARD, BACKOFF_S[step], f"crashed: {_words(code)}", True)


def _words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
