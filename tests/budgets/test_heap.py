"""What a node holds in its heap: at boot, and after a month of reports and broken connections."""

from pathlib import Path

import pytest

from protocols.fields import KIND_CODES
from tests.budgets import heap
from tests.budgets.limits import (
    HEAP_BOOT_BYTES,
    HEAP_NODE_BYTES,
    HEAP_SOAK_DAYS,
    HEAP_SOAK_FREE_BYTES,
    HEAP_SOAK_GROWTH_BYTES,
    HEAP_SOAK_LARGEST_BYTES,
)
from tests.unit.firmware.lab.authority import Authority
from tests.unit.firmware.lab.servers import open_broker

pytestmark = pytest.mark.sockets

REPORTS_A_DAY = 96


@pytest.mark.parametrize("kind", KIND_CODES)
def test_a_booted_node_keeps_its_budget(kind: str, tmp_path: Path) -> None:
    assert heap.boot(kind, tmp_path, "512k").node <= HEAP_BOOT_BYTES


@pytest.mark.timeout(300)
def test_a_month_leaves_the_heap_as_it_was(tmp_path: Path) -> None:
    authority = Authority()
    for name in ("boot", "day", "month"):
        (tmp_path / name).mkdir()
    bench = heap.boot("streetlight", tmp_path / "boot", "512k").bench
    size = str(HEAP_NODE_BYTES + bench)
    with open_broker(authority, tmp_path) as broker:
        day = heap.soak("streetlight", tmp_path / "day", size, 1, broker.port, authority)
        month = heap.soak(
            "streetlight", tmp_path / "month", size, HEAP_SOAK_DAYS, broker.port, authority
        )
    # It really lived: every quarter of an hour was reported, nothing waits, nothing failed.
    assert month.facts["seq"] >= HEAP_SOAK_DAYS * REPORTS_A_DAY > 20 * day.facts["seq"]
    assert month.facts["days"] == HEAP_SOAK_DAYS
    assert month.facts["waiting"] <= 2
    assert month.facts["crashes"] == {}
    assert month.node <= day.node + HEAP_SOAK_GROWTH_BYTES
    assert month.free >= HEAP_SOAK_FREE_BYTES
    assert month.largest >= HEAP_SOAK_LARGEST_BYTES
