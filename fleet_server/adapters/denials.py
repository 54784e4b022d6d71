"""The server's end of the broker's log: publishes that the broker denied, taken as refusals.

A named pipe in the broker's folder, which only the fleet's own user can reach. What arrives there
is offered to the ingest as any message, so that one thread counts and stores all refusals.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from fleet_server.adapters.broker_log import PIPE_NAME, decode
from fleet_server.errors import SettingsError
from fleet_server.telemetry.ingest import Arrival, Ingest
from fleet_server.telemetry.refusals import Message

_READ_BYTES = 1 << 16


class Denials:
    """Listens between `open` and `close`; made and used on the event loop."""

    def __init__(self, folder: Path, ingest: Ingest) -> None:
        self._path = folder / PIPE_NAME
        self._ingest = ingest
        self._pipe: int | None = None

    def open(self) -> None:
        """Begins to listen.

        Raises:
            SettingsError: the folder is not writable.
        """
        try:
            if not self._path.is_fifo():
                os.mkfifo(self._path, 0o600)
            # Open for writing too, so that a broker that ends is not the end of the pipe.
            self._pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            raise SettingsError(f"Cannot listen on {self._path}: {error.strerror}.") from error
        asyncio.get_running_loop().add_reader(self._pipe, self._take)

    def close(self) -> None:
        """Stops listening."""
        if self._pipe is not None:
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = None

    def _take(self) -> None:
        assert self._pipe is not None
        # Lines come whole: each was written by one call of at most PIPE_BUF bytes. Only a read
        # that filled its buffer may have cut one; its two halves are then passed over.
        for line in os.read(self._pipe, _READ_BYTES).splitlines():
            denial = decode(line)
            if denial is not None:
                message = Message(denial.topic, b"", denied_to=denial.client)
                self._ingest.offer(Arrival(message, lambda: None), may_drop=True)
