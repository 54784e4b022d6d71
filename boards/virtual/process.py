"""One MicroPython process and the socket that is its standard input.

Owns birth and death of the process. It dies with the bench in three ways: by our hand, by the end
of its input (device/plant/commands.py), and on Linux by the kernel, should it not listen.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from boards.virtual.json_lines import JsonLines
from boards.virtual.logs import open_log

_CHUNK_BYTES = 65536
_PR_SET_PDEATHSIG = 1
# A killed process is gone within milliseconds; longer means that the machine is in trouble.
_DEATH_S = 30.0
# Who hung up is ending; who does not end is killed.
_HANG_UP_STEP_S = 0.01
_HANG_UP_STEPS = 50


class NodeProcess:
    """A running process; `kill` or its own end makes it an ended one.

    Attributes:
        began_s: The loop's time of its start.
        ended: Set once it has ended and was waited for.
    """

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        log: tuple[Path, str],
        hear: Callable[[dict[str, Any]], None],
        on_end: Callable[[], None],
    ) -> None:
        """Start it.

        Args:
            argv: Program and arguments.
            folder: Where it runs.
            environment: All that it gets.
            log: Folder and name of its log.
            hear: Called with each line that it sends.
            on_end: Called when it has ended, unless by `kill`.

        Raises:
            OSError: the system cannot start it.
        """
        self._loop = asyncio.get_running_loop()
        self._hear = hear
        self._on_end = on_end
        self._lines = JsonLines()
        self._hung_up_steps = 0
        self.ended = False
        ours, theirs = socket.socketpair()
        try:
            with theirs, open_log(*log) as output:
                self._popen = subprocess.Popen(
                    argv,
                    cwd=folder,
                    env=environment,
                    stdin=theirs.fileno(),
                    stdout=output,
                    stderr=output,
                    # Ctrl-C at a terminal is the bench's to handle, in order.
                    start_new_session=True,
                    preexec_fn=dying_with_parent(),
                )
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        self._socket = ours
        self.began_s = self._loop.time()
        self._loop.add_reader(ours, self._read)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def returncode(self) -> int:
        """How it ended; below 0 a signal's number. Only of an ended process."""
        code = self._popen.returncode
        assert code is not None
        return code

    def send(self, command: Mapping[str, Any]) -> bool:
        """Send one line; whether the process can have got it."""
        line = json.dumps(command).encode() + b"\n"
        try:
            return self._socket.send(line) == len(line)
        except OSError:
            return False

    def kill(self) -> None:
        """End it outright, as a board without power ends; nothing happens to an ended one."""
        if self.ended:
            return
        # By its own handle: no other process can have the pid before it is waited for.
        self._popen.kill()
        self._popen.wait(_DEATH_S)
        self._close()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_CHUNK_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:
            data = b""
        if data:
            for said in self._lines.feed(data):
                self._hear(said)
        else:
            self._loop.remove_reader(self._socket)
            self._reap()

    def _reap(self) -> None:
        """The input is closed: wait for the end without holding the others up."""
        if self.ended:
            return
        self._hung_up_steps += 1
        if self._popen.poll() is None:
            if self._hung_up_steps < _HANG_UP_STEPS:
                self._loop.call_later(_HANG_UP_STEP_S, self._reap)
                return
            self._popen.kill()
            self._popen.wait(_DEATH_S)
        self._close()
        self._on_end()

    def _close(self) -> None:
        self.ended = True
        self._loop.remove_reader(self._socket)
        self._socket.close()


def dying_with_parent() -> Callable[[], None] | None:
    """What a child does first, so that the kernel ends it with the bench; Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    # Loaded here, before the fork: the child must not open libraries.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # the bench ended between the fork and the line above

    return ask
