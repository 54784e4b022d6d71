"""Ports for servers that must know theirs before they listen.

Each worker of a test run has a range of its own, below the one from which the system gives ports
away, and goes through it round and round: a port that was free a moment ago could otherwise be
another worker's broker by the time ours starts, and the test would talk to that one.
"""

import itertools
import os
import socket

FIRST = 16_000
LAST = 31_999
WORKERS = 16


def _range_of(worker: str) -> range:
    number = int(worker.removeprefix("gw") or 0) % WORKERS
    size = (LAST + 1 - FIRST) // WORKERS
    return range(FIRST + number * size, FIRST + (number + 1) * size)


_mine = _range_of(os.environ.get("PYTEST_XDIST_WORKER", ""))
# Another run on this machine most likely stands elsewhere in the same range.
_start = os.getpid() % len(_mine)
_turn = itertools.cycle([*_mine[_start:], *_mine[:_start]])


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses and no other worker will be given.

    Raises:
        AssertionError: all of them are taken.
    """
    for port in itertools.islice(_turn, len(_mine)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")
