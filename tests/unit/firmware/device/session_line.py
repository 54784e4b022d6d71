"""A session against whatever listens on a port: numbered events, and what became of them.

    session_line.py PORT MODE COUNT [IDENTITY]

With the folder of an identity it speaks TLS, else not. MODE "until" ends when all events are
acknowledged; "cancel" cancels the session's task again and again at ever later moments and
looks for what it left behind; "stay" lasts as many tenths of a second as COUNT.
"""

import asyncio
import os
import sys
import time

import check

from firmware.core.clock import Clock
from firmware.core.journal import Journal
from firmware.core.outbox import Outbox
from firmware.net import session as session_module
from firmware.net.link import make_link
from firmware.net.session import Session
from firmware.net.tls import tls_context
from protocols.fields import SMART_BIN
from protocols.messages import FAULT_ON

PORT = int(sys.argv[1])
MODE = sys.argv[2]
COUNT = int(sys.argv[3])
FOLDER = sys.argv[4] if len(sys.argv) > 4 else None
LIMIT_MS = 50000
# A connection that is held back for good is given up sooner than on a pole.
session_module.CONNECT_TIMEOUT_MS = 2000
session_module._GOOD_MS = 1000
CONFIG = {
    "broker": ["127.0.0.1", PORT],
    "broker_name": "localhost",
    "keepalive_s": 2,
    "ack_timeout_s": 1,
}


class StillClock:
    def datetime(self) -> tuple:
        return 2026, 11, 21, 5, 3, 0, 0, 0


class Identity:
    """The pair of a folder, or no TLS."""

    def context(self) -> object:
        if FOLDER is None:
            return None
        files = []
        for name in ("ca.der", "cert.der", "key.der"):
            with open(FOLDER + "/" + name, "rb") as file:
                files.append(file.read())
        return tls_context(files[0], files[1], files[2])

    def worked(self) -> None:
        pass

    def failed(self, error: object) -> None:
        pass


class Quick:
    """No patience between two tries."""

    resets = 0

    def next_ms(self) -> int:
        return 2

    def reset(self) -> None:
        self.resets += 1


class Handlers:
    """Says something at each connection, so that every one has something to lose."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.said = 0
        self.heard = []
        self.connections = 0

    def say(self) -> None:
        # Far from what the outbox holds in memory: nothing is to be dropped by rule.
        if self.said < COUNT and self.journal.outbox.waiting() < 20:
            self.said += 1
            self.journal.event(FAULT_ON, {"n": self.said})

    def connected(self) -> None:
        self.connections += 1
        self.say()
        self.say()

    def note(self, channel: str, payload: bytes | None) -> None:
        if len(self.heard) < 20:
            self.heard.append([channel, None if payload is None else len(payload)])

    def desired(self, payload: bytes | None) -> None:
        self.note("desired", payload)

    def echo(self, payload: bytes | None) -> None:
        self.note("echo", payload)

    def certificate(self, payload: bytes | None) -> None:
        self.note("certificate", payload)


def make() -> tuple:
    journal = Journal(SMART_BIN, 7, Clock(StillClock()), Outbox())
    handlers = Handlers(journal)
    link = make_link({}, Clock(StillClock()), None, nothing, journal.event)
    session = Session("t-node", CONFIG, journal, link, Quick(), Identity(), handlers)
    journal.on_new = session.wake
    return session, handlers


def nothing() -> None:
    pass


def files_open() -> int:
    # Listing the folder opens one itself, each time.
    return len(os.listdir("/proc/self/fd"))


async def until(session: Session, handlers: Handlers) -> None:
    began_ms = time.ticks_ms()
    while handlers.said < COUNT or session.is_unsent() or not session.is_connected:
        if session.is_connected and not session.is_unsent():
            handlers.say()
        assert time.ticks_diff(time.ticks_ms(), began_ms) < LIMIT_MS, "not all acknowledged"
        await asyncio.sleep_ms(5)


async def cancelled_again_and_again(session: Session, handlers: Handlers) -> int:
    before = files_open()
    moments = 0
    while handlers.said < COUNT:
        task = asyncio.create_task(session.run(nothing))
        # In rounds of the loop while it is busy, in milliseconds once it waits.
        rounds = 40 if FOLDER is None else 2
        for _ in range(moments % rounds):
            await asyncio.sleep_ms(0)
        await asyncio.sleep_ms(moments // rounds)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        moments += 1
        await asyncio.sleep_ms(0)
        await asyncio.sleep_ms(0)
        check.equal(len(asyncio.core._io_queue.map), 0)
        check.equal(files_open(), before)
        assert moments < 4000
    return moments


@check.case
async def line() -> dict:
    session, handlers = make()
    result = {}
    if MODE == "cancel":
        result["moments"] = await cancelled_again_and_again(session, handlers)
    task = asyncio.create_task(session.run(nothing))
    if MODE == "stay":
        await asyncio.sleep_ms(100 * COUNT)
    else:
        await until(session, handlers)
        await session.leave(nothing)
    task.cancel()
    result["said"] = handlers.said
    result["connections"] = handlers.connections
    result["heard"] = handlers.heard
    result["error"] = session.last_error
    result["resets"] = session._backoff.resets
    result["in_flight"] = len(session._core.in_flight)
    return result


check.run()
