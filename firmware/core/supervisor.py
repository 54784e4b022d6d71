"""Named tasks that are started again when they fail, and the watchdog behind them.

Every task of the node is here. A task calls its beat at least as often as it promised; the
watchdog is fed only while all promises hold, so a task that hangs resets the board. A task
that raises is logged, counted and started again after 1, 2, 4 .. 60 s. Cancellation passes
through.

    supervisor = Supervisor(watchdog)
    supervisor.add("lamp", lamp_loop, 10000)   # async def lamp_loop(beat)
    await supervisor.run()
"""

import asyncio
import time

from firmware.core.limits import RESTART_MAX_MS, RESTART_MIN_MS, SUPERVISOR_MS
from firmware.core.log import log, log_error


class _Entry:
    def __init__(self, name: str, start: object, silence_ms: int) -> None:
        self.name = name
        self.start = start
        self.silence_ms = silence_ms
        self.crashes = 0
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

    def __init__(self, watchdog: object) -> None:
        """`watchdog` has feed()."""
        self._watchdog = watchdog
        self._entries = []

    def add(self, name: str, start: object, silence_ms: int) -> None:
        """Name a task: `start(beat)` makes its coroutine, which beats within `silence_ms`."""
        self._entries.append(_Entry(name, start, silence_ms))

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
        """Run all tasks; ends only by cancellation, and ends them with itself."""
        tasks = [asyncio.create_task(self._keep(entry)) for entry in self._entries]
        reported = ""
        try:
            while True:
                stale = ", ".join(self.stale())
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
            try:
                await entry.start(entry.beat)
                entry.last_error = "ended"
                log("supervisor", entry.name + " ended")
            except Exception as error:  # the top loop of every task
                entry.last_error = type(error).__name__
                log_error(entry.name, error)
            entry.crashes += 1
            # A task that ran well for long starts its backoff afresh.
            if time.ticks_diff(time.ticks_ms(), began_ms) > RESTART_MAX_MS:
                delay_ms = RESTART_MIN_MS
            entry.waiting_ms = delay_ms
            entry.beat()
            await asyncio.sleep_ms(delay_ms)
            delay_ms = min(delay_ms * 2, RESTART_MAX_MS)
