"""What follows a return of the mains: this node's turn to report, and its self-test.

A whole street comes back in the same instant. Each node waits for a chance of its own
before it reports, and tests its lamp some minutes later at another, so that neither the
network is flooded nor a street dark at once. An outage, or an order from the server, drops
a running test; it begins anew after the next return, or after the same wait.
"""

import sys
import time

from firmware.core.log import log
from firmware.core.storage import exists

TEST_FILE = "state/self_test"
_PACKAGE = "firmware.nodes.streetlight"


class Turn:
    """One node's waiting and testing."""

    def __init__(self, config: dict, chip: object) -> None:
        """`chip` tells the reset's cause and gives chance."""
        self._spread_ms = 1000 * config["spread_s"]
        self._test_after_ms = 1000 * config["self_test_s"]
        self._chance = chip.random_bits
        self._since_ms = time.ticks_ms()
        # What is left to wait for, None where nothing is.
        self._wait_ms = None
        self._test_ms = None
        self._test = None
        # Where a running test holds the lamp.
        self.level_percent = None
        # Other resets are no return of the mains; a node that was never tested is new.
        if chip.reset_cause() == "power_on" or not exists(TEST_FILE):
            self.mains_came()

    @property
    def is_testing(self) -> bool:
        """Whether a test runs."""
        return self._test is not None

    def mains_came(self) -> None:
        """Its return, or the first power."""
        self._since_ms = time.ticks_ms()
        self._wait_ms = self._spread_ms * self._chance(10) // 1023
        self._test_ms = self._test_after_ms + self._spread_ms * self._chance(10) // 1023

    def mains_went(self) -> None:
        """Nothing is spread, nothing is tested."""
        self.drop()
        self._wait_ms = None
        self._test_ms = None

    def has_come(self) -> bool:
        """Whether this node may report."""
        if self._wait_ms is not None and self._passed_ms() >= self._wait_ms:
            self._wait_ms = None
        return self._wait_ms is None

    def take(self) -> None:
        """An alarm waits for no turn."""
        self._wait_ms = None

    def drop(self) -> None:
        """The lamp is needed, or the mains is gone: a running test ends without a result."""
        if self._test is None:
            return
        log("self-test", "dropped")
        self._since_ms = time.ticks_ms()
        self._end()

    def go_on(self, can_test: bool, power_mw: int | None) -> object:
        """Take the test on by a reading of the meter.

        Args:
            can_test: Whether a test may begin now.
            power_mw: What the meter reads, None where it is silent.

        Returns:
            The test that is finished, None until one is.
        """
        if self._test_ms is None:
            return None
        now_ms = time.ticks_ms()
        if self._test is None:
            if can_test and self._passed_ms() >= self._test_ms:
                from firmware.nodes.streetlight.self_test import SelfTest

                log("self-test", "begins")
                self._test = SelfTest(now_ms, time.ticks_diff)
                self.level_percent = self._test.level_percent
        elif self._test.see(now_ms, power_mw):
            finished = self._test
            self._test_ms = None
            self._end()
            return finished
        else:
            self.level_percent = self._test.level_percent
        return None

    def _passed_ms(self) -> int:
        return time.ticks_diff(time.ticks_ms(), self._since_ms)

    def _end(self) -> None:
        self._test = None
        self.level_percent = None
        # Minutes of a year: its code need not stay on the heap.
        sys.modules.pop(_PACKAGE + ".self_test", None)
        if hasattr(sys.modules.get(_PACKAGE), "self_test"):
            delattr(sys.modules[_PACKAGE], "self_test")
