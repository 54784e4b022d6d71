"""MicroPython: how fast a node's own session delivers, over TLS to a real broker.

    micropython rate.py <broker port> <messages>

Prints one JSON line: {"connect_ms", "messages", "ms"}; from the first message queued to the last
acknowledged.
"""

import asyncio
import json
import sys
import time

from firmware.core.clock import Clock
from firmware.core.journal import Journal
from firmware.core.outbox import Outbox
from firmware.net.link import make_link
from firmware.net.session import Session
from firmware.net.tls import tls_context
from protocols.fields import STREETLIGHT
from protocols.messages import FAULT_ON

# Below what the outbox holds in memory, so that nothing is dropped by rule.
WAITING = 32
CONFIG = {
    "broker": ["127.0.0.1", int(sys.argv[1])],
    "keepalive_s": 60,
    "ack_timeout_s": 30,
}


class Rtc:
    def datetime(self) -> tuple:
        return (2026, 11, 21, 5, 12, 0, 0, 0)


class Identity:
    def context(self) -> object:
        files = []
        for name in ("ca", "cert", "key"):
            with open("identity/%s.der" % name, "rb") as file:
                files.append(file.read())
        return tls_context(*files)

    def worked(self) -> None:
        pass

    def failed(self, error: object) -> None:
        raise error


class Impatient:
    def next_ms(self) -> int:
        return 100

    def reset(self) -> None:
        pass


class Handlers:
    def connected(self) -> None:
        pass


async def measure(count: int) -> dict:
    journal = Journal(STREETLIGHT, 1, Clock(Rtc()), Outbox())
    link = make_link({}, Clock(Rtc()), None, None, journal.event)
    session = Session("bench-node", CONFIG, journal, link, Impatient(), Identity(), Handlers())
    journal.on_new = session.wake
    began_ms = time.ticks_ms()
    task = asyncio.create_task(session.run(lambda: None))
    while not session.is_connected:
        await asyncio.sleep_ms(1)
    connect_ms = time.ticks_diff(time.ticks_ms(), began_ms)
    began_ms = time.ticks_ms()
    said = 0
    while said < count or session.is_unsent():
        while said < count and journal.outbox.waiting() < WAITING:
            journal.event(FAULT_ON, {"fault": "tilt"})
            said += 1
        await asyncio.sleep_ms(1)
    ms = time.ticks_diff(time.ticks_ms(), began_ms)
    task.cancel()
    return {"connect_ms": connect_ms, "messages": count, "ms": ms}


print(json.dumps(asyncio.run(measure(int(sys.argv[2])))))
