"""One demo at a time; what a crash leaves behind misleads nobody."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.demo.folder import DemoFolder
from tools.demo.marks import is_alive, process_mark
from tools.demo.orders import reset
from tools.demo.ports import Ports
from tools.demo.running import DemoLock, Running, find_running, note_running, require_running
from tools.errors import DemoError, FileError

PORTS = Ports(1, 2, 3, 4)


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    return DemoFolder(tmp_path / ".demo")


@contextmanager
def sleeper() -> Generator[subprocess.Popen[bytes]]:
    """A process that lives until the end of the block."""
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def running(pid: int) -> Running:
    return Running(pid, PORTS, 5, "http://127.0.0.1:1", True)


def test_a_mark_is_one_processs_own() -> None:
    own = process_mark(os.getpid())
    assert own is not None and is_alive(os.getpid(), own)
    with sleeper() as other:
        mark = process_mark(other.pid)
        assert mark not in (None, own)
        assert not is_alive(other.pid, own)
    assert process_mark(other.pid) is None
    assert process_mark(0) is None
    assert process_mark(-1) is None


def test_a_zombie_does_not_live() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        # WNOWAIT: it has ended, and stays a zombie.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert process_mark(process.pid) is None
    finally:
        process.wait()


def test_the_note_of_a_running_demo_is_found(folder: DemoFolder) -> None:
    assert find_running(folder) is None
    with DemoLock(folder):
        note_running(folder, running(os.getpid()))
        assert require_running(folder) == running(os.getpid())
    with pytest.raises(DemoError, match="no demo runs here"):
        require_running(folder)


def test_a_note_whose_number_another_process_has_now_is_not_believed(folder: DemoFolder) -> None:
    with DemoLock(folder), sleeper() as other:
        note_running(folder, running(other.pid))
        assert find_running(folder) is not None
        note = json.loads(folder.running.read_text())
        note["pid"] = os.getpid()
        folder.running.write_text(json.dumps(note))
        assert find_running(folder) is None


def test_a_second_demo_is_told_of_the_first_at_once(folder: DemoFolder) -> None:
    with DemoLock(folder):
        note_running(folder, running(os.getpid()))
        with (
            pytest.raises(DemoError, match=r"runs already: http://127\.0\.0\.1:1"),
            DemoLock(folder),
        ):
            pytest.fail("two demos at once")
        assert find_running(folder) is not None


def test_after_a_crash_the_next_demo_waits_for_the_keeper_and_then_starts(
    folder: DemoFolder,
) -> None:
    with DemoLock(folder) as keeper:
        with sleeper() as crashed:
            note_running(folder, running(crashed.pid))
        with pytest.raises(DemoError, match="still uses"), DemoLock(folder, wait_s=0.2):
            pytest.fail("two demos at once")
        os.close(os.dup(keeper.descriptor))
    with DemoLock(folder, wait_s=0):
        assert not folder.running.exists()


@pytest.mark.parametrize("text", ["{}", '{"pid": 1}', '{"pid": "x", "mark": "y"}'])
def test_a_damaged_note_counts_as_none(folder: DemoFolder, text: str) -> None:
    folder.run.mkdir(parents=True)
    folder.running.write_text(text)
    assert find_running(folder) is None


def test_reset_deletes_a_demo_and_nothing_else(folder: DemoFolder, tmp_path: Path) -> None:
    assert not reset(folder)
    with DemoLock(folder):
        note_running(folder, running(os.getpid()))
        with pytest.raises(DemoError, match="runs already"):
            reset(folder)
    (folder.root / "server").mkdir()
    assert reset(folder)
    assert not folder.root.exists()
    precious = tmp_path / "home"
    precious.mkdir()
    (precious / "letter").touch()
    with pytest.raises(FileError, match="not made by the demo"):
        reset(DemoFolder(precious))
    assert (precious / "letter").exists()
