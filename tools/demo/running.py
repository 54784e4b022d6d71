"""Which demo runs: the lock that makes it the only one, and the note that lets others find it.

The lock is the system's own (flock), so it is free the moment its last holder ends, however that
ends. The note says who holds it and on which ports; it is believed only while the very process
that wrote it lives, so a note that a crash left behind, or a process number used again, misleads
nobody.
"""

import fcntl
import os
import time
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from tools.demo.folder import DemoFolder
from tools.demo.marks import is_alive, process_mark
from tools.demo.ports import Ports
from tools.errors import DemoError
from tools.files import SECRET_FILE, SECRET_FOLDER, read_object, write_json

# Longer than the keeper of a killed demo takes to end its processes.
ENDING_WAIT_S = 15.0
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Running:
    """A demo that runs now.

    Attributes:
        pid: its process.
        ports: its ports.
        demo_control: the port of its own control line.
        server: the address of its fleet server.
        ready: all nodes came online.
    """

    pid: int
    ports: Ports
    demo_control: int
    server: str
    ready: bool


def note_running(folder: DemoFolder, running: Running) -> None:
    """Lets other commands find this demo."""
    value = {**asdict(running), "mark": process_mark(running.pid)}
    write_json(folder.running, value, SECRET_FILE)


def find_running(folder: DemoFolder) -> Running | None:
    """The demo that runs in a folder, or None."""
    if not folder.running.exists():
        return None
    note = read_object(folder.running, "the note of the running demo")
    return _living(note)


def require_running(folder: DemoFolder) -> Running:
    """The demo that runs in a folder.

    Raises:
        DemoError: none runs.
    """
    running = find_running(folder)
    if running is None:
        raise DemoError("no demo runs here; start it in another terminal: make demo")
    return running


class DemoLock:
    """Held while a demo uses its folder; at most one holder."""

    def __init__(self, folder: DemoFolder, wait_s: float = ENDING_WAIT_S) -> None:
        self._folder = folder
        self._wait_s = wait_s
        self.descriptor = -1

    def __enter__(self) -> Self:
        """Takes the lock.

        Raises:
            DemoError: a demo runs here, or the last one does not end.
        """
        run = self._folder.run
        self._folder.root.mkdir(mode=SECRET_FOLDER, parents=True, exist_ok=True)
        run.mkdir(mode=SECRET_FOLDER, exist_ok=True)
        self.descriptor = os.open(self._folder.lock, os.O_RDWR | os.O_CREAT, SECRET_FILE)
        try:
            self._take()
        except BaseException:
            os.close(self.descriptor)
            raise
        self._folder.running.unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.running.unlink(missing_ok=True)
        os.close(self.descriptor)

    def _take(self) -> None:
        end_s = time.monotonic() + self._wait_s
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                self._check_owner()
            if time.monotonic() > end_s:
                raise DemoError(
                    f"something still uses {self._folder.root}; is a demo being started or ended?"
                )
            time.sleep(_LOOK_S)

    def _check_owner(self) -> None:
        running = find_running(self._folder)
        if running is not None:
            raise DemoError(
                f"the demo runs already: {running.server} (process {running.pid}); "
                "end it with Ctrl-C in its terminal"
            )


def _living(note: dict[str, Any]) -> Running | None:
    try:
        pid, mark = int(note["pid"]), str(note["mark"])
        ports = Ports(**{key: int(value) for key, value in note["ports"].items()})
        running = Running(
            pid, ports, int(note["demo_control"]), str(note["server"]), bool(note["ready"])
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return running if is_alive(pid, mark) else None
