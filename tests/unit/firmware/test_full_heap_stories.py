"""A node whose heap is nearly full refuses what is too large for it, by name, and works on."""

import pytest

from protocols import messages
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import power

pytestmark = pytest.mark.sockets

# 2026-11-21, 22:00 in Pleiku.
NIGHT_S = 1795273200
# What the node holds with its simulated parts, and too little beside it for the largest calendar.
NEARLY_FULL = "146k"


def calendar(programs: int) -> dict[str, object]:
    """As many programs as are asked for, with as many steps as one may have."""
    steps = [[0, 60 * hour, 40 + hour, 0] for hour in range(24)]
    return {
        "programs": [steps] * programs,
        "rules": [[0, 0x7F, None, None]],
        "utc_offset_min": 420,
    }


def test_a_document_that_the_heap_does_not_hold_is_refused_and_the_next_one_taken(
    lab: Lab,
) -> None:
    node = lab.new_node("streetlight")
    node.runtime = "micropython-i386"
    node.heap = NEARLY_FULL
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(lambda message: message.channel == "report")
        lab.server.desire(node.name, 1, {"calendar": calendar(16)})
        refused = lab.server.event(messages.DESIRED_REFUSED)
        assert refused["reason"] == "heap_exhausted"
        lab.server.forget()
        lab.server.desire(node.name, 2, {"calendar": calendar(1)})
        facts = lab.server.state(lambda version, _: version == 2)
        assert (facts["error"], facts["crashes"]) == (None, 0)
        # At ten in the evening, by the program that fits.
        lab.server.wait(lambda message: message.channel == "report" and message.parts[4][0] == 62)
        assert all(message.code != messages.BOOTED for message in lab.server.heard)
