"""Starts the demo's processes, notices when one dies, and ends every one of them.

    async with Children() as children:
        await children.start("broker", ["mosquitto", "-c", "mosquitto.conf"], log)
        await children.failure()      # raises ProcessEndedError when one ends by itself

Rules: each child leads a process group of its own and is known to the keeper before it runs its
first instruction, so that nothing is left behind even when this process is killed. They end in
the opposite order of their start: asked first, killed after GRACE_S.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.demo.keeper import GRACE_S
from tools.demo.marks import process_mark
from tools.errors import DemoError, ProcessEndedError

LOG_TAIL_LINES = 8
LOG_TAIL_BYTES = 16 * 1024
LOG_LINE_LENGTH = 200
# A child waits for this line before it becomes the program, and ends itself when the line never
# comes: its starter has died before the keeper knew of it.
GATE = 'read -r go && exec "$@" </dev/null'
_KILL_WAIT_S = 5.0


@dataclass(slots=True)
class Child:
    """A process of the demo."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    wanted: bool = True
    watcher: "asyncio.Task[None] | None" = field(default=None, repr=False)


class Children:
    """All processes of one demo; leaving the context ends them."""

    def __init__(self, keep_open: Sequence[int] = (), grace_s: float = GRACE_S) -> None:
        """Args:
        keep_open: file descriptors that the keeper inherits, such as a lock.
        grace_s: how long a child may take to end when it was asked to.
        """
        self._keep_open = tuple(keep_open)
        self._grace_s = grace_s
        self._children: dict[str, Child] = {}
        self._failed: asyncio.Queue[Child] = asyncio.Queue()
        self._keeper: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._keeper = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tools.demo.keeper",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self._keep_open,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Not to be cut short by a second Ctrl-C: what was started is ended, whatever happens.
        await asyncio.shield(self._end())

    async def start(
        self,
        name: str,
        argv: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Child:
        """Starts a process under a name; what it prints goes to the end of its log.

        Args:
            name: for messages and for `stop`.
            argv: program and arguments.
            log: grows; made with its folder.
            environment: all of it, or None for this process's own.
            folder: where it runs, or None for here.

        Raises:
            DemoError: one of that name runs already.
        """
        if name in self._children:
            raise DemoError(f"the {name} runs already")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                GATE,
                "sh",
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        self._tell_keeper(f"+ {process.pid} {process_mark(process.pid) or '?'}\n")
        child = Child(name, process, log)
        self._children[name] = child
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(b"go\n")
            await process.stdin.drain()
        process.stdin.close()
        child.watcher = asyncio.create_task(self._watch(child), name=f"watch {name}")
        return child

    async def stop(self, name: str) -> None:
        """Ends one process and its group.

        Raises:
            DemoError: none of that name runs.
        """
        child = self._children.get(name)
        if child is None:
            raise DemoError(f"the {name} does not run")
        await self._end_child(child)

    @property
    def keeper_pid(self) -> int:
        """The keeper's process."""
        assert self._keeper is not None
        return self._keeper.pid

    def all(self) -> list[Child]:
        """The processes that run, in the order of their start."""
        return list(self._children.values())

    async def failure(self) -> None:
        """Waits for as long as all is well.

        Raises:
            ProcessEndedError: a process ended that nobody asked to end.
        """
        assert self._keeper is not None
        failed = asyncio.create_task(self._failed.get())
        keeper = asyncio.create_task(self._keeper.wait())
        try:
            await asyncio.wait({failed, keeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            failed.cancel()
            keeper.cancel()
        if not failed.cancelled() and failed.done():
            raise ProcessEndedError(ended_text(failed.result()))
        raise ProcessEndedError("the keeper of the demo's processes was killed")

    async def _watch(self, child: Child) -> None:
        await child.process.wait()
        if child.wanted:
            await self._failed.put(child)

    def _tell_keeper(self, line: str) -> None:
        assert self._keeper is not None and self._keeper.stdin is not None
        self._keeper.stdin.write(line.encode())

    async def _end(self) -> None:
        for child in reversed(list(self._children.values())):
            await self._end_child(child)
        assert self._keeper is not None and self._keeper.stdin is not None
        self._keeper.stdin.close()
        await self._keeper.wait()

    async def _end_child(self, child: Child) -> None:
        child.wanted = False
        process = child.process
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), self._grace_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.wait_for(process.wait(), _KILL_WAIT_S)
        if child.watcher is not None:
            await child.watcher
        self._tell_keeper(f"- {process.pid}\n")
        self._children.pop(child.name, None)


def ended_text(child: Child) -> str:
    """Which process ended, how, the last lines of its log, and where the log is."""
    code = child.process.returncode
    how = f"exit status {code}"
    if code is not None and code < 0:
        how = f"killed by signal {-code} ({signal.Signals(-code).name})"
    tail = log_tail(child.log)
    lines = "".join(f"\n  | {line}" for line in tail) or "\n  (it printed nothing)"
    return f"the {child.name} has ended by itself: {how}; its log ends with{lines}\n  {child.log}"


def log_tail(log: Path, count: int = LOG_TAIL_LINES) -> list[str]:
    """The last lines of a log, without terminal control characters."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    lines = [line for line in text.splitlines() if line.strip()]
    return [
        "".join(letter for letter in line if letter.isprintable() or letter == "\t")[
            :LOG_LINE_LENGTH
        ]
        for line in lines[-count:]
    ]
