"""A running MicroPython: the process, its side of the serial line, and how it ends.

Owns birth and death of the process. Ctrl-C becomes an interrupt while a program runs, as the
chip's UART driver makes it one.
"""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from boards.virtual.chip.frames import INTERRUPT, OUTPUT, POWER_CUT, RAW_REPL, FrameReader
from boards.virtual.json_lines import JsonLines
from boards.virtual.logs import open_log
from boards.virtual.process import dying_with_parent

EXIT_RESET = 75
EXIT_DEEP_SLEEP = 77
EXIT_SOFT_RESET = 78
_CTRL_C = b"\x03"
_CHUNK_BYTES = 65536
# What a chip that does not read may be sent before bytes are lost: the host's USB bridge holds
# some, the chip's own buffer little.
_MOST_WAITING_BYTES = 65536
_DEATH_S = 30.0
_END_STEP_S = 0.01


class Run:
    """One boot of MicroPython, until its end or `kill`.

    Attributes:
        is_raw: The raw REPL is on; a soft reset comes back to it.
        is_up: A program or the REPL listens to the line.
        lost_bytes: Input that did not fit.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Callable[[int], Mapping[str, str]],
        log: tuple[Path, str],
        hear: Callable[[bytes], None],
        say: Callable[[dict[str, Any]], None],
        on_end: Callable[[int], None],
    ) -> None:
        """Start it.

        Args:
            argv: Program and arguments.
            environment: Gives all that it gets, from the file number for lines about its plant.
            log: Folder and name of the log for what only the simulator says.
            hear: Called with what it puts on the line.
            say: Called with each line about its plant.
            on_end: Called with its exit status, unless it ended by `kill`; -9: it lost its power.

        Raises:
            OSError: the system cannot start it.
        """
        self._loop = asyncio.get_running_loop()
        self._hear = hear
        self._say = say
        self._on_end = on_end
        self._plant_lines = JsonLines()
        self._frames = FrameReader()
        self._waiting = bytearray()
        # Until the process says that it can take a signal.
        self._interruptible = False
        self.is_raw = False
        self.is_up = False
        self.lost_bytes = 0
        self._ended = False
        ours, theirs = socket.socketpair()
        our_plant, their_plant = socket.socketpair()
        try:
            with theirs, their_plant, open_log(*log) as errors:
                self._popen = subprocess.Popen(
                    argv,
                    cwd=log[0],
                    env=environment(their_plant.fileno()),
                    pass_fds=(their_plant.fileno(),),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=errors,
                    start_new_session=True,
                    preexec_fn=dying_with_parent(),
                )
        except BaseException:
            ours.close()
            our_plant.close()
            raise
        ours.setblocking(False)
        our_plant.setblocking(False)
        self._socket = ours
        self._plant = our_plant
        self._loop.add_reader(ours, self._read)
        self._loop.add_reader(our_plant, self._read_plant)

    def send(self, data: bytes) -> None:
        """Bytes from the line."""
        if self._ended:
            return
        if self._interruptible and _CTRL_C in data:
            *_, data = data.split(_CTRL_C)
            self._popen.send_signal(signal.SIGINT)
        room = _MOST_WAITING_BYTES - len(self._waiting)
        self.lost_bytes += max(0, len(data) - room)
        self._waiting += data[:room]
        self._write()

    def order(self, command: Mapping[str, Any]) -> bool:
        """Tell its plant something; whether the process can have got it."""
        line = json.dumps(command).encode() + b"\n"
        try:
            return self._plant.send(line) == len(line)
        except OSError:
            return False

    def kill(self) -> None:
        """End it outright, as a board without power ends."""
        if self._ended:
            return
        self._popen.kill()
        self._popen.wait(_DEATH_S)
        self._close()

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            del self._waiting[: self._socket.send(self._waiting)]
        if self._waiting:
            self._loop.add_writer(self._socket, self._write)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_CHUNK_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:
            data = b""
        if not data:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._reap()
            return
        for frame in self._frames.feed(data):
            if frame.kind == OUTPUT:
                self._hear(frame.data)
            elif frame.kind == INTERRUPT:
                self.is_up = True
                self._interruptible = frame.data != b"\0"
            elif frame.kind == RAW_REPL:
                self.is_up = True
                self.is_raw = frame.data != b"\0"
            elif frame.kind == POWER_CUT:
                self.kill()
                self._on_end(-signal.SIGKILL)
                return

    def _read_plant(self) -> None:
        try:
            data = self._plant.recv(_CHUNK_BYTES)
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._plant)
        for said in self._plant_lines.feed(data):
            self._say(said)

    def _reap(self) -> None:
        if self._ended:
            return
        if self._popen.poll() is None:
            self._loop.call_later(_END_STEP_S, self._reap)
            return
        self._read_plant()
        self._close()
        self._on_end(self._popen.returncode)

    def _close(self) -> None:
        self._ended = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._loop.remove_reader(self._plant)
        self._socket.close()
        self._plant.close()
