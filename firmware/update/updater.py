"""The way of an update: order -> verified -> downloaded -> other slot -> trial -> confirmed.

One order at a time. A refusal is an event with a stable name and stays in the reported
state; the same order is not worked on again. What only failed on its way (a damaged or
missing blob) is tried again when the server sends a new desired version, a bad signature
never. The node goes on working through all of it.
"""

import asyncio
import gc
import os
import sys
import time

from firmware.core.limits import ECHO_RETRY_MS, TRIAL_MS
from firmware.core.log import log
from firmware.net.backoff import Backoff
from firmware.update import orders, slots
from firmware.version import COUNTER, KIND, VERSION
from protocols.messages import (
    ECHO_REQUEST,
    UPDATE_CONFIRMED,
    UPDATE_DOWNLOADED,
    UPDATE_REFUSED,
    UPDATE_ROLLED_BACK,
    UPDATE_TRIAL,
)

_STEP_MS = 1000
_NONCE_BYTES = 8
_ROLLED_BACK = "rolled_back"
# What only an order needs; see _unload.
_FOR_ORDERS = (
    ("firmware.update", "installer"),
    ("firmware.update", "download"),
    ("firmware.net", "http"),
)


class Updater:
    """Owns the orders, the trial and the resets of one node."""

    def __init__(
        self,
        config: dict,
        emit: object,
        tell_state: object,
        healthy: object,
        session: object,
        make_context: object,
        chip: object,
        slot: str,
        on_trial: bool,
        known: dict | None,
        before_reset: object,
    ) -> None:
        """`known` is slots.json as the bootstrap left it, None if it was unreadable."""
        self._config = config
        self._trial_ms = config.get("trial_s", TRIAL_MS // 1000) * 1000
        self._emit = emit
        self._tell_state = tell_state
        self._healthy = healthy
        self._session = session
        self._make_context = make_context
        self._chip = chip
        self._slot = slot
        self._on_trial = on_trial
        self._known = known
        self._before_reset = before_reset
        self._looked_back = False
        self._order = None
        self._wake = asyncio.Event()
        self._nonce = None
        self._echoed = False
        self._refused = orders.load_refused()
        self.error = None
        if self._refused is not None:
            self.error = "update_" + self._refused.error

    def consider(self, update: dict | None, desired_version: int) -> None:
        """Take the order of a desired state, None for none."""
        if update is None:
            self._order = None
            self._forget()
            return
        self._order = (update, desired_version)
        self._wake.set()

    def is_busy(self) -> bool:
        """Whether there is an order to work on, or a trial to prove."""
        return self._on_trial or self._order is not None

    def echo(self, nonce: bytes) -> None:
        """The server answered an echo request."""
        if self._nonce is not None and nonce == self._nonce:
            self._echoed = True
            self._wake.set()

    async def run(self, beat: object) -> None:
        """Settle what the last boot left, then work on orders, for ever."""
        if self._on_trial:
            await self._try_out(beat)
        elif not self._looked_back:
            self._looked_back = True
            self._look_back()
        while True:
            beat()
            order = self._order
            if order is None:
                await self._rest(10 * _STEP_MS)
                continue
            await self._work(order[0], order[1], beat)
            # Only now: an order that fails by a fault of ours is taken up again.
            if self._order is order:
                self._order = None

    async def _rest(self, wait_ms: int) -> None:
        try:
            await asyncio.wait_for_ms(self._wake.wait(), wait_ms)
        except asyncio.TimeoutError:
            pass  # look again, or just a heartbeat
        self._wake.clear()

    def _look_back(self) -> None:
        """Report a roll-back, and repair slots.json if it was unreadable."""
        if self._known is None:
            log("update", "slots.json was unreadable")
            slots.settle(self._slot)
            self.error = self.error or "slots_damaged"
            self._tell_state()
        elif self._known["rolled_back"]:
            tried = orders.load_trial()
            if tried is not None:
                self._refuse(tried, UPDATE_ROLLED_BACK)
            slots.settle(self._slot)

    async def _try_out(self, beat: object) -> None:
        """This application is on trial: prove it, or go back."""
        detail = {"counter": COUNTER, "version": VERSION, "attempts": self._known["attempts"]}
        self._emit(UPDATE_TRIAL, detail)
        began_ms = time.ticks_ms()
        asked_ms = None
        while not self._echoed:
            beat()
            now_ms = time.ticks_ms()
            if time.ticks_diff(now_ms, began_ms) > self._trial_ms:
                log("update", "trial not proven in time")
                self._reset()
            asks = self._session.is_connected and self._healthy()
            if asks and (asked_ms is None or time.ticks_diff(now_ms, asked_ms) > ECHO_RETRY_MS):
                asked_ms = now_ms
                self._nonce = os.urandom(_NONCE_BYTES)
                self._emit(ECHO_REQUEST, {"nonce": self._nonce})
            await self._rest(_STEP_MS // 4)
        slots.settle(self._slot)
        self._on_trial = False
        self._forget()
        log("update", "confirmed " + VERSION)
        self._emit(UPDATE_CONFIRMED, {"counter": COUNTER, "version": VERSION})
        self._tell_state()

    async def _work(self, update: dict, desired_version: int, beat: object) -> None:
        mark = orders.mark_of(update)
        if self._is_installed(mark):
            return
        refused = self._refused
        if (
            refused is not None
            and refused.mark == mark
            and refused.desired_version in (0, desired_version)
        ):
            self._refuse(refused, UPDATE_REFUSED)
            return
        outcome = await self._install(update, mark, desired_version, beat)
        if outcome.error == "installed":
            self._forget()
            self._remember_trial(outcome)
            self._emit(UPDATE_CONFIRMED, {"counter": COUNTER, "version": VERSION})
            self._tell_state()
        elif outcome.error is not None:
            self._refuse(outcome, UPDATE_REFUSED)
        else:
            await self._switch(outcome, beat)

    async def _install(
        self, update: dict, mark: bytes, desired_version: int, beat: object
    ) -> object:
        gc.collect()
        from firmware.update.installer import Running, Source, install

        running = Running(KIND, VERSION, COUNTER, self._slot)
        config = self._config
        source = Source(
            config["download"],
            config.get("download_name", config["download"][0]),
            self._make_context,
            Backoff(self._chip.random_bits, config["backoff_max_s"] * 1000),
        )
        now_s = self._chip.system_now_s()
        try:
            return await install(update, mark, desired_version, running, source, now_s, beat)
        finally:
            _unload()

    def _is_installed(self, mark: bytes) -> bool:
        """Whether this very order brought what runs now; then there is nothing to verify."""
        last = orders.load_trial()
        return (
            last is not None
            and last.mark == mark
            and last.counter == COUNTER
            and last.version == VERSION
        )

    async def _switch(self, outcome: object, beat: object) -> None:
        self._remember_trial(outcome)
        slots.begin_trial(self._slot, slots.other(self._slot))
        self._emit(UPDATE_DOWNLOADED, {"counter": outcome.counter, "version": outcome.version})
        await self._session.leave(beat)
        self._reset()

    def _refuse(self, outcome: object, code: int) -> None:
        """Remember an outcome, name it to the server, and keep naming it in the state."""
        if outcome is not self._refused:
            orders.save_refused(outcome)
            self._refused = outcome
        self.error = "update_" + outcome.error
        self._emit(code, outcome.detail())
        self._tell_state()

    def _forget(self) -> None:
        if self._refused is not None:
            orders.forget_refused()
            self._refused = None
        self.error = None

    def _remember_trial(self, outcome: object) -> None:
        orders.save_trial(
            orders.Outcome(outcome.mark, _ROLLED_BACK, outcome.counter, outcome.version, 0)
        )

    def _reset(self) -> None:
        log("update", "reset")
        self._before_reset()
        self._chip.reset()


def _unload() -> None:
    """Give the heap of the order's modules back: the node runs for months between orders."""
    for parent, name in _FOR_ORDERS:
        sys.modules.pop(parent + "." + name, None)
        if hasattr(sys.modules[parent], name):
            delattr(sys.modules[parent], name)
    for name in list(sys.modules):
        if name == "ota" or name.startswith("ota."):
            sys.modules.pop(name)
    gc.collect()
