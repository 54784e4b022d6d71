"""The life of one virtual node: it starts, loses its mains, resets, returns.

While the mains is there it runs. A cut is told to it, it lives on from its supercapacitor for a
few real seconds and is then killed outright, as a board without power is. What its end means and
when it starts again is restart.py's.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boards.virtual.hand import checked
from boards.virtual.launch import Launch
from boards.virtual.process import NodeProcess
from boards.virtual.restart import BACKOFF_S, Cause, Restart, Restarts
from boards.virtual.settings import NodeSettings
from boards.virtual.waking import TIMER, Condition, conditions, pin_wake

# How long a supercapacitor carries a board, real seconds.
HOLD_UP_S = (3.0, 8.0)
# Boards of a street come up together, but not in the same millisecond.
SPREAD_S = (0.02, 1.2)
# Starting costs the host's processor, and forty at once would only wait for each other.
STARTS_AT_ONCE = 8
# A start is over when the node first speaks, or after this long for those that say nothing.
START_S = 0.5
# What a node may say about its plant: a handful of names with short values.
_SAID_MAX = 32
_SAID_TEXT = 64

Said = dict[str, int | float | str | bool | None]


class StartGate:
    """Lets a bounded number of nodes start at a time."""

    def __init__(self, at_once: int = STARTS_AT_ONCE) -> None:
        self._slots = asyncio.Semaphore(at_once)

    async def enter(self) -> Callable[[], None]:
        """Wait for a slot; what is returned gives it back, once however often it is called."""
        await self._slots.acquire()
        given_back = False

        def leave() -> None:
            nonlocal given_back
            if not given_back:
                given_back = True
                self._slots.release()

        return leave


class VirtualNode:
    """One node; `live` is its task."""

    def __init__(
        self, settings: NodeSettings, launch: Launch, log_folder: Path, gate: StartGate
    ) -> None:
        self.settings = settings
        self._launch = launch
        self._log_folder = log_folder
        self._gate = gate
        self._chance = random.Random(launch.word["seed"])
        self._restarts = Restarts()
        self._process: NodeProcess | None = None
        self._mains = True
        # Something happened that `live` has to look at; it judges by state, not by event.
        self._wake = asyncio.Event()
        self._hand: dict[str, Any] = {}
        # Since when, by the loop's clock.
        self._hand_s: dict[str, float] = {}
        self._wakers: tuple[Condition, ...] = ()
        self._said: Said = {}
        self._boots = 0
        self._crashes = 0
        self._last_end: str | None = None

    def set_mains(self, present: bool) -> None:
        """The mains at this node's terminals comes or goes."""
        if present == self._mains:
            return
        self._mains = present
        self._wake.set()
        if self._process is not None:
            # A node that does not listen loses its power all the same.
            self._process.send({"mains": present})

    def set_hand(self, what: str, value: Any) -> None:
        """Change something around the node; it stays so over reboots.

        Raises:
            OrderError: no such thing, or no such value.
        """
        value = checked(what, value, self.settings.parts)
        if value is None:
            self._hand.pop(what, None)
        else:
            self._hand[what] = value
            self._hand_s[what] = asyncio.get_running_loop().time()
        self._wake.set()
        if self._process is not None:
            self._process.send({"set": what, "value": value})

    def status(self) -> dict[str, Any]:
        """What one sees standing in front of it."""
        process = self._process
        # Without mains, or without a chip that holds the relay, every lamp is dark.
        lit = self._mains and process is not None
        has_lamp = "lamp" in self.settings.parts
        return {
            "kind": self.settings.kind,
            "pid": None if process is None else process.pid,
            "mains": self._mains,
            "level": (self._said.get("level", 0) if lit else 0) if has_lamp else None,
            "duty": (self._said.get("duty", 0) if lit else 0) if has_lamp else None,
            "power": self._power_w() if has_lamp else None,
            "boots": self._boots,
            "crashes": self._crashes,
            "last_end": self._last_end,
            "set": dict(self._hand),
            "said": dict(self._said),
        }

    async def live(self) -> None:
        """Run for ever; cancellation leaves no process behind."""
        cause = Cause.POWER_ON
        delay_s = self._chance.uniform(*SPREAD_S)
        wake: int | None = 0
        while True:
            if not self._mains or (wake := await self._pause(delay_s)) is None:
                self._wakers = ()
                while not self._mains:
                    await self._next(None)
                cause = Cause.POWER_ON
                delay_s = self._chance.uniform(*SPREAD_S)
                continue
            ending = await self._run_once(cause, (wake or 0) if cause is Cause.DEEP_SLEEP else 0)
            if ending is None:
                continue
            cause, delay_s = ending.cause, ending.delay_s
            self._last_end = ending.text
            self._crashes += ending.is_crash
            if cause is Cause.DEEP_SLEEP:
                continue
            self._wakers = ()
            print(f"{self.settings.id} {ending.text}", file=sys.stderr, flush=True)

    async def _pause(self, delay_s: float) -> int | None:
        """Wait, less if a pin ends a sleep: what ended it; None as soon as the mains is gone."""
        loop = asyncio.get_running_loop()
        timer = loop.time() + delay_s, TIMER
        while True:
            due = pin_wake(self._wakers, self._hand, self._hand_s)
            until_s, reason = timer if due is None else min(timer, due)
            if (left_s := until_s - loop.time()) <= 0:
                return reason
            await self._next(left_s)
            if not self._mains:
                return None

    async def _run_once(self, cause: Cause, wake: int) -> Restart | None:
        """One boot, from start to end; None where the power was taken."""
        leave = await self._gate.enter()
        try:
            if not self._mains:
                return None
            self._said.clear()
            self._wakers = ()
            try:
                process = self._start(cause, wake, leave)
            except OSError as error:
                return Restart(cause, BACKOFF_S[-1], f"cannot be started: {error}", True)
            asyncio.get_running_loop().call_later(START_S, leave)
            self._process = process
            self._boots += 1
            try:
                return await self._until_end(process)
            finally:
                self._process = None
                process.kill()
        finally:
            leave()

    def _start(self, cause: Cause, wake: int, leave: Callable[[], None]) -> NodeProcess:
        def hear(said: dict[str, Any]) -> None:
            leave()
            self._hear(said)

        return NodeProcess(
            self._launch.argv,
            self.settings.folder,
            self._launch.environment_of(int(cause), self._mains, self._hand, wake),
            (self._log_folder, self.settings.id),
            hear,
            self._wake.set,
        )

    async def _until_end(self, process: NodeProcess) -> Restart | None:
        """Wait for the process to end by itself, or by loss of power (None)."""
        loop = asyncio.get_running_loop()
        dark_at_s: float | None = None
        while True:
            if process.ended:
                sleep_ms = self._said.get("sleep_ms")
                ran_s = loop.time() - process.began_s
                number = (
                    sleep_ms / self._launch.speed if isinstance(sleep_ms, int | float) else None
                )
                return self._restarts.after(process.returncode, ran_s, number)
            if self._mains:
                dark_at_s = None
                await self._next(None)
                continue
            if dark_at_s is None:
                dark_at_s = loop.time() + self._chance.uniform(*HOLD_UP_S)
            if (left_s := dark_at_s - loop.time()) <= 0:
                return None
            await self._next(left_s)

    async def _next(self, timeout_s: float | None) -> None:
        """Wait until something happened, or for so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout_s)
        self._wake.clear()

    def _hear(self, said: dict[str, Any]) -> None:
        if "wake" in said:
            self._wakers = conditions(said["wake"], self._launch.speed)
        for name, value in said.items():
            short = not isinstance(value, str) or len(value) <= _SAID_TEXT
            plain = value is None or isinstance(value, int | float | str)
            room = name in self._said or len(self._said) < _SAID_MAX
            if len(name) <= _SAID_TEXT and short and plain and room and name != "id":
                self._said[name] = value

    def _power_w(self) -> float:
        power_w = self._said.get("power_w", 0.0)
        if not self._mains or self._process is None or not isinstance(power_w, int | float):
            return 0.0
        return round(power_w, 1)
