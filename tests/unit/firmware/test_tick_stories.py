"""The tick counter of a 32-bit chip wraps each 12.4 days, and nobody on the street notices.

The system itself moves the node's clock: a time namespace of Linux, in which the monotonic clock
stands shortly before the wrap.
"""

import re
import time

import pytest

from protocols import messages
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import power

pytestmark = pytest.mark.sockets

WRAP_MS = 1 << 30
BEFORE_S = 6
# 2026-11-21, 22:00 in Pleiku.
NIGHT_S = 1795273200
WAIT_S = 30


def shortly_before_the_wrap() -> list[str]:
    """The command in front of a program whose tick counter wraps in BEFORE_S."""
    ahead_s = WRAP_MS // 1000 - BEFORE_S - int(time.monotonic())
    return ["unshare", "--user", "--map-root-user", "--time", "--monotonic", str(ahead_s)]


def ticks(log: str) -> list[int]:
    """The counter at each line of a node's log."""
    return [int(found) for found in re.findall(r"^(\d+) \w+: ", log, re.MULTILINE)]


def test_a_lamp_lives_on_when_its_tick_counter_wraps(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.runtime = "micropython-i386"
    node.before = shortly_before_the_wrap()
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(lambda message: message.channel == "report")
        assert ticks(node.log())[0] > WRAP_MS // 2
        # What waits for its next try does so across the wrap.
        lab.broker.stop()
        deadline = time.monotonic() + WAIT_S
        while ticks(node.log())[-1] > WRAP_MS // 2:
            assert time.monotonic() < deadline, node.log()
            time.sleep(0.1)
        lab.server.forget()
        lab.broker.start()
        lab.server.wait(lambda message: message.channel in ("report", "batch"))
        lab.server.desire(node.name, 1, {"report_s": 1})
        lab.server.state(lambda version, _: version == 1)
        newest = 0
        for _ in range(3):
            report = lab.server.wait(
                lambda message, seen=newest: message.channel == "report" and message.parts[2] > seen
            )
            newest = report.parts[2]
        assert all(message.code != messages.BOOTED for message in lab.server.heard)
        assert node.is_running()
    assert "no heartbeat" not in node.log()
    assert "failed" not in node.log()
