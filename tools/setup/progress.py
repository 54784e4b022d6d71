"""Tells the person at the keyboard what set-up is doing.

On a terminal a step is one line with a bar that is drawn over itself; in a log every step is
one plain line when it starts. A run with nothing to do prints nothing.
"""

import shutil
import sys
from typing import TextIO

BAR_WIDTH = 24


class Progress:
    """Shows one step at a time on a stream."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty()
        self._title = ""

    def start(self, title: str) -> None:
        """Begins a step, which ends the one before."""
        self.finish()
        self._title = title
        if self._live:
            self._draw(0.0, "")
        else:
            self._write(f"set-up: {title}\n")

    def update(self, done: int, total: int, detail: str = "") -> None:
        """Moves the bar of the current step to `done` of `total`."""
        if self._live and self._title:
            self._draw(min(done / total, 1.0) if total > 0 else 0.0, detail)

    def finish(self) -> None:
        """Ends the current step and leaves its line on the screen."""
        if self._title and self._live:
            self._draw(1.0, "")
            self._write("\n")
        self._title = ""

    def note(self, text: str) -> None:
        """Says one thing that is not a step."""
        self.finish()
        self._write(f"set-up: {text}\n")

    def _draw(self, share: float, detail: str) -> None:
        full = round(share * BAR_WIDTH)
        line = f"[{'#' * full}{'.' * (BAR_WIDTH - full)}] {self._title} {detail}"
        columns = shutil.get_terminal_size().columns
        self._write(f"\r\x1b[K{line[: columns - 1]}")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
