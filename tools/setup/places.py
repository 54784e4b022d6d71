"""Where set-up keeps things and how two set-ups at one time take turns."""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Generator, Mapping
from pathlib import Path

from tools.setup.progress import Progress

SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin")
NO_LOCKS_HERE = (errno.EBADF, errno.ENOLCK, errno.ENOTSUP)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """The user's cache folder for this project (XDG base directories, `XDG_CACHE_HOME`)."""
    base = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(environment.get("HOME") or os.path.expanduser("~"), ".cache")
    return Path(base) / "cityfleet"


def find_program(name: str, venv: Path) -> Path | None:
    """A program on PATH or where brokers usually live, but never one of .venv's own wrappers."""
    ours = (venv / "bin").resolve()
    folders = [*os.get_exec_path(), *SYSTEM_FOLDERS]
    elsewhere = [each for each in folders if each and Path(each).resolve() != ours]
    found = shutil.which(name, path=os.pathsep.join(elsewhere))
    return Path(found) if found else None


@contextlib.contextmanager
def turn(folder: Path, progress: Progress) -> Generator[None]:
    """Holds a folder for this set-up alone; another one waits until it is done.

    The lock is on the folder itself and ends with the process, however it ends. Where the file
    system has no such locks (some network homes) two set-ups are on their own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, progress)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, progress: Progress) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        progress.note("waiting for another set-up to finish")
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in NO_LOCKS_HERE:
            raise
