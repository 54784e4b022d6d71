"""Named tasks that are started again when they fail, and the watchdog behind them.

Every task of the node is here. A task calls its beat at least as often as it promised; the
watchdog is fed only while all promises hold, so a task that hangs resets the board. A task
that raises is logged, counted and started again after 1, 2, 4 .. 60 s; one that the node
cannot do without and that fails again and again ends the run, and the board is reset.
Cancellation passes through.

    supervisor = Supervisor(watchdog)
    supervisor.add("lamp", lamp_loop, 10000)   # async def lamp_loop(beat)
    await supervisor.run()
"""

import asyncio
import gc
import time

from firmware.core.limits import (
    MEMORY_FAILURES,
    RESTART_MAX_MS,
    RESTART_MIN_MS,
    SUPERVISOR_MS,
    TASK_FAILURES,
)
from firmware.core.log import log, log_error


class _Entry:
    def __init__(self, name: str, start: object, silence_ms: int, optional: bool) -> None:
        self.name = name
        self.start = start
        self.silence_ms = silence_ms
        self.optional = optional
        self.crashes = 0
        # Failures without a good run between them.
        self.in_a_row = 0
        self.last_error = ""
        self.fresh_ms = time.ticks_ms()
        # None while it runs; else how long its restart is put off, which is no silence.
        self.waiting_ms = None

    def beat(self) -> None:
        self.fresh_ms = time.ticks_ms()

    def is_fresh(self, now_ms: int) -> bool:
        allowed_ms = self.silence_ms + (self.waiting_ms or 0)
        return time.ticks_diff(now_ms, self.fresh_ms) <= allowed_ms


class Supervisor:
    """Owns the node's tasks."""

    def __init__(self, watchdog: object, on_tick: object = None, on_failure: object = None) -> None:
        """`watchdog` has feed().

        `on_tick(silent)` is called each second with the names of silent tasks, `on_failure(task,
        error)` for each failure.
        """
        self._watchdog = watchdog
        self._on_tick = on_tick
        self._on_failure = on_failure
        self._entries = []
        # (task, error) that ends the run.
        self.fatal = None
        # Without it no failure ends the run: where a reset has been seen to help nothing.
        self.may_end = True

    def add(self, name: str, start: object, silence_ms: int, optional: bool = False) -> None:
        """Name a task: `start(beat)` makes its coroutine, which beats within `silence_ms`."""
        self._entries.append(_Entry(name, start, silence_ms, optional))

    def crashes(self) -> dict[str, int]:
        """How often each task failed, without those that never did."""
        return {entry.name: entry.crashes for entry in self._entries if entry.crashes}

    def last_error(self) -> tuple[str, str] | None:
        """(task, error) of a failure since boot."""
        for entry in self._entries:
            if entry.last_error:
                return entry.name, entry.last_error
        return None

    def stale(self) -> list[str]:
        """The names of tasks that broke their promise; empty while all is well."""
        now_ms = time.ticks_ms()
        return [entry.name for entry in self._entries if not entry.is_fresh(now_ms)]

    async def run(self) -> None:
        """Run all tasks until one fails for good, see `fatal`; ends them with itself."""
        tasks = [asyncio.create_task(self._keep(entry)) for entry in self._entries]
        reported = ""
        try:
            while self.fatal is None:
                stale = ", ".join(self.stale())
                if self._on_tick is not None:
                    self._on_tick(stale)
                if not stale:
                    self._watchdog.feed()
                elif stale != reported:
                    log("supervisor", "no heartbeat from " + stale)
                reported = stale
                await asyncio.sleep_ms(SUPERVISOR_MS)
        finally:
            for task in tasks:
                task.cancel()

    async def _keep(self, entry: _Entry) -> None:
        delay_ms = RESTART_MIN_MS
        while True:
            began_ms = time.ticks_ms()
            entry.waiting_ms = None
            entry.beat()
            failure = None
            try:
                await entry.start(entry.beat)
                entry.last_error = "ended"
                log("supervisor", entry.name + " ended")
            except Exception as error:  # the top loop of every task
                failure = error
            # A task that ran well for long starts its backoff afresh.
            if time.ticks_diff(time.ticks_ms(), began_ms) > RESTART_MAX_MS:
                delay_ms = RESTART_MIN_MS
                entry.in_a_row = 0
            if failure is not None:
                self._failed(entry, failure)
            entry.crashes += 1
            entry.waiting_ms = delay_ms
            entry.beat()
            await asyncio.sleep_ms(delay_ms)
            delay_ms = min(delay_ms * 2, RESTART_MAX_MS)

    def _failed(self, entry: _Entry, error: Exception) -> None:
        entry.last_error = type(error).__name__
        entry.in_a_row += 1
        if isinstance(error, MemoryError):
            gc.collect()
            most = MEMORY_FAILURES
        else:
            most = TASK_FAILURES
        log_error(entry.name, error)
        if entry.in_a_row >= most and self.may_end:
            if not entry.optional or isinstance(error, MemoryError):
                self.fatal = (entry.name, error)
                return
        if self._on_failure is not None:
            self._on_failure(entry.name, error)
