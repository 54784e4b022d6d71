"""MicroPython: time that leaps over the waits, so that a month of a node takes seconds.

Lies on the module path before the built-in time, so that firmware, asyncio and the virtual
board all live by it. `leap` is called by the poller below in place of sleeping; TLS, which asks
the system itself, goes on by real time.
"""

import sys

_path = sys.path
sys.path = ()
try:
    import time as _real
    from time import *
finally:
    sys.path = _path
del _path

# Tick counters wrap here on a 32-bit build, as on an ESP32; a sum takes half of it at most.
_TICKS = 1 << 30
_leapt_ms = 0
_ticks_ms = 0
_ticks_us = 0


def leap(ms: int) -> None:
    """Let `ms` milliseconds pass at once."""
    global _leapt_ms, _ticks_ms, _ticks_us
    _leapt_ms += ms
    _ticks_ms = _within(_leapt_ms)
    _ticks_us = _within(_leapt_ms * 1000)


def _within(ticks: int) -> int:
    ticks %= _TICKS
    return ticks - _TICKS if ticks >= _TICKS // 2 else ticks


def leapt_ms() -> int:
    """How much time was leapt over since the start."""
    return _leapt_ms


def ticks_ms() -> int:
    return _real.ticks_add(_real.ticks_ms(), _ticks_ms)


def ticks_us() -> int:
    return _real.ticks_add(_real.ticks_us(), _ticks_us)


def time_ns() -> int:
    return _real.time_ns() + _leapt_ms * 1000000


def time() -> float:
    return _real.time() + _leapt_ms / 1000


class LeapingPoller:
    """In place of asyncio's poller: waits really only while an answer is on its way."""

    def __init__(self, poller: object, is_waiting: object) -> None:
        """`is_waiting()` tells whether somebody out there will answer soon."""
        self._poller = poller
        self._is_waiting = is_waiting
        self.register = poller.register
        self.modify = poller.modify
        self.unregister = poller.unregister

    def ipoll(self, wait_ms: int) -> object:
        patience_ms = min(wait_ms, 20) if self._is_waiting() else 0
        ready = self._poller.poll(patience_ms)
        if not ready and wait_ms > patience_ms:
            leap(wait_ms - patience_ms)
        return ready
