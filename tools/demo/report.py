"""What the demo tells the person at the keyboard while it starts and runs.

Steps with the seconds since the start; on a terminal the waiting for nodes is a bar that is
drawn over itself, elsewhere a line now and then. When the terminal is gone it falls silent, so
that the orderly end is never disturbed.
"""

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

BAR_WIDTH = 30
PLAIN_LINE_EVERY = 10


class Reporter:
    """Says things on a stream."""

    def __init__(
        self, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._now = now
        self._began = now()
        self._live = self._stream.isatty()
        self._bar_open = False
        self._told = -1

    def elapsed_s(self) -> float:
        """Seconds since the reporter was made."""
        return self._now() - self._began

    def step(self, text: str) -> None:
        """Something was done."""
        self.say(f"  {self.elapsed_s():5.1f} s  {text}")

    def say(self, text: str = "") -> None:
        """A line, or several."""
        self._close_bar()
        self._write(text + "\n")

    def waiting(self, text: str, done: int, total: int) -> None:
        """How far the waiting is."""
        if self._live:
            full = round(BAR_WIDTH * done / total) if total else BAR_WIDTH
            bar = "█" * full + "░" * (BAR_WIDTH - full)
            line = f"  {self.elapsed_s():5.1f} s  {bar} {text} {done} of {total}"
            columns = shutil.get_terminal_size().columns
            self._write(f"\r\x1b[K{line[: columns - 1]}")
            self._bar_open = True
        elif done != self._told and (done % PLAIN_LINE_EVERY == 0 or done == total):
            self._told = done
            self.step(f"{text} {done} of {total}")

    def _close_bar(self) -> None:
        if self._bar_open:
            self._bar_open = False
            self._write("\n")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # The terminal was closed. What runs is still ended in order, only silently.
            self._live = False
            self._write = _be_silent  # type: ignore[method-assign]


def _be_silent(_: str) -> None:
    pass
