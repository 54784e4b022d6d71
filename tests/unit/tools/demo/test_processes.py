"""Whatever the demo starts, it ends; and it says what died."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.demo.keeper import read_orders
from tools.demo.marks import process_mark
from tools.demo.processes import Children, log_tail
from tools.errors import DemoError, ProcessEndedError

PYTHON = sys.executable
LAST = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LAST
# A process with a child of its own in the same group, as the bench has its nodes.
FAMILY = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', "
    "'import time; time.sleep(600)']); print(child.pid, flush=True); "
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); child.wait()"
)
WAIT_S = 20.0


def wait_for(condition: object, what: str) -> None:
    end_s = time.monotonic() + WAIT_S
    assert callable(condition)
    while not condition():
        assert time.monotonic() < end_s, f"waited {WAIT_S} s for: {what}"
        time.sleep(0.02)


def printed(log: Path) -> str:
    wait_for(lambda: log.exists() and log.read_text().endswith("\n"), "the first line")
    return log.read_text().strip()


def gone(pid: int) -> bool:
    return process_mark(pid) is None


def test_leaving_the_block_ends_every_child(tmp_path: Path) -> None:
    async def story() -> list[int]:
        async with Children() as children:
            for name in ("one", "two"):
                await children.start(name, [PYTHON, "-c", LAST], tmp_path / f"{name}.log")
            await asyncio.to_thread(printed, tmp_path / "two.log")
            assert [child.name for child in children.all()] == ["one", "two"]
            return [child.process.pid for child in children.all()]

    for pid in asyncio.run(story()):
        assert gone(pid)


def test_an_error_inside_the_block_ends_them_too(tmp_path: Path) -> None:
    pids: list[int] = []

    async def story() -> None:
        async with Children() as children:
            child = await children.start("one", [PYTHON, "-c", LAST], tmp_path / "log")
            pids.append(child.process.pid)
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        asyncio.run(story())
    assert gone(pids[0])


def test_who_does_not_listen_is_killed_with_all_its_children(tmp_path: Path) -> None:
    log = tmp_path / "log"

    async def story() -> tuple[int, int]:
        async with Children(grace_s=0.3) as children:
            child = await children.start("family", [PYTHON, "-c", FAMILY], log)
            return child.process.pid, int(await asyncio.to_thread(printed, log))

    for pid in asyncio.run(story()):
        wait_for(lambda pid=pid: gone(pid), "the end of the family")


def test_a_death_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "server.log"
    program = "for i in range(20): print('line', i)\nprint('\\x1b[31mout of milk'); exit(3)"

    async def story() -> None:
        async with Children() as children:
            await children.start("fleet server", [PYTHON, "-c", program], log)
            await asyncio.wait_for(children.failure(), WAIT_S)

    with pytest.raises(ProcessEndedError) as caught:
        asyncio.run(story())
    text = str(caught.value)
    assert "the fleet server has ended by itself: exit status 3" in text
    assert "  | [31mout of milk" in text
    assert "line 19" in text
    assert "line 2\n" not in text
    assert str(log) in text


def test_a_killed_child_names_the_signal(tmp_path: Path) -> None:
    async def story() -> None:
        async with Children() as children:
            child = await children.start("broker", [PYTHON, "-c", LAST], tmp_path / "log")
            child.process.kill()
            await asyncio.wait_for(children.failure(), WAIT_S)

    with pytest.raises(ProcessEndedError, match=r"signal 9 \(SIGKILL\)"):
        asyncio.run(story())


def test_a_child_that_was_stopped_on_purpose_is_no_failure(tmp_path: Path) -> None:
    async def story() -> None:
        async with Children() as children:
            command = [PYTHON, "-c", LAST]
            first = await children.start("server", command, tmp_path / "log")
            with pytest.raises(DemoError, match="runs already"):
                await children.start("server", command, tmp_path / "log")
            await children.stop("server")
            assert gone(first.process.pid)
            with pytest.raises(DemoError, match="does not run"):
                await children.stop("server")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(children.failure(), 0.2)
            await children.start("server", command, tmp_path / "log")

    asyncio.run(story())


def test_a_program_that_does_not_exist_is_a_failure_with_its_name(tmp_path: Path) -> None:
    async def story() -> None:
        async with Children() as children:
            await children.start("broker", [str(tmp_path / "no-such-program")], tmp_path / "log")
            await asyncio.wait_for(children.failure(), WAIT_S)

    with pytest.raises(ProcessEndedError, match="no-such-program"):
        asyncio.run(story())


OWNER = """
import asyncio, sys
from pathlib import Path
from tools.demo.processes import Children

async def main():
    folder = Path(sys.argv[1])
    async with Children() as children:
        for name, program in zip(("family", "stubborn"), sys.argv[2:]):
            await children.start(name, [sys.executable, "-c", program], folder / name)
        print(*(child.process.pid for child in children.all()), flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_the_keeper_ends_all_when_the_demo_itself_is_killed(
    tmp_path: Path, repository: Path
) -> None:
    command = [PYTHON, "-c", OWNER, str(tmp_path), FAMILY, STUBBORN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=repository) as owner:
        assert owner.stdout is not None
        pids = [int(word) for word in owner.stdout.readline().split()]
        pids.append(int(printed(tmp_path / "family")))
        printed(tmp_path / "stubborn")
        assert len(pids) == 3
        assert not any(gone(pid) for pid in pids)
        owner.send_signal(signal.SIGKILL)
    for pid in pids:
        wait_for(lambda pid=pid: gone(pid), "the keeper")


def test_without_its_keeper_the_demo_does_not_go_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with Children() as children:
            child = await children.start("one", [PYTHON, "-c", LAST], tmp_path / "log")
            pids.append(child.process.pid)
            os.kill(children.keeper_pid, signal.SIGKILL)
            await asyncio.wait_for(children.failure(), WAIT_S)

    pids: list[int] = []
    with pytest.raises(ProcessEndedError, match="keeper"):
        asyncio.run(story())
    assert gone(pids[0])


def test_a_child_whose_starter_died_too_early_never_runs(tmp_path: Path) -> None:
    """The gate: without the line from the demo the program is never executed."""
    from tools.demo.processes import GATE

    trace = tmp_path / "ran"
    argv = ["/bin/sh", "-c", GATE, "sh", "/bin/sh", "-c", f"touch {trace}"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False, timeout=WAIT_S)
    assert done.returncode != 0
    assert not trace.exists()
    subprocess.run(argv, input=b"go\n", check=True, timeout=WAIT_S)
    assert trace.exists()


def test_the_keepers_list_forgets_what_has_ended_and_cut_lines() -> None:
    lines = ["+ 10 a\n", "+ 11 b c\n", "- 10\n", "+ x y\n", "\n", "+ 12 cut"]
    assert read_orders(lines) == {11: "b c"}


def test_the_tail_of_a_log_has_no_terminal_control(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert log_tail(log) == []
    log.write_bytes(b"\x1b]0;evil\x07title\r\n\xff\xfe broken\n\n" + b"x" * 1000 + b"\n")
    tail = log_tail(log)
    assert tail[0] == "]0;eviltitle"
    assert len(tail) == 3
    assert max(map(len, tail)) <= 200


def test_nothing_of_the_starter_leaks_into_a_child(tmp_path: Path) -> None:
    """A descriptor such as the demo's lock must end with the demo."""
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    program = "import os; print(sorted(map(int, os.listdir('/dev/fd')))[:-1], flush=True)"

    async def story() -> str:
        async with Children(keep_open=[lock]) as children:
            await children.start("one", [PYTHON, "-c", program], tmp_path / "log")
            return await asyncio.to_thread(printed, tmp_path / "log")

    try:
        assert asyncio.run(story()) == "[0, 1, 2]"
    finally:
        os.close(lock)
