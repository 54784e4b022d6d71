"""Stories of what a node could not say in time: the real firmware, a real broker, real kills."""

import json
import random
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from firmware.core.limits import ACKNOWLEDGED_UNSAVED, IN_FLIGHT
from protocols import messages
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node, power
from tests.unit.firmware.lab.servers import Heard
from tests.unit.firmware.runner import RUNTIMES, run_device

pytestmark = pytest.mark.sockets

# 2026-11-21, 22:00 in Pleiku; a report each second is one each quarter of an hour.
NIGHT_S = 1795273200
SPEED = 900

# (channel, boot, number)
Name = tuple[str, int, int]


def names_of(message: Heard) -> dict[Name, Any]:
    """The reports and events in a message, by the name that is theirs for ever."""
    parts = message.parts
    if message.channel == "batch":
        rows = enumerate(parts[3])
        return {("report", parts[1], parts[2] + step): row for step, row in rows}
    if message.channel == "report":
        return {("report", parts[1], parts[2]): (parts[3], parts[4])}
    if message.channel == "event":
        return {("event", parts[1], parts[2]): parts[3:]}
    return {}


class Store:
    """What the fleet server stores: each name once; and how often each came."""

    def __init__(self, heard: list[Heard]) -> None:
        self.stored: dict[Name, Any] = {}
        self.times: Counter[Name] = Counter()
        for message in heard:
            for name, content in names_of(message).items():
                # A name is never given to two different things.
                assert self.stored.setdefault(name, content) == content, name
                self.times[name] += 1

    def repeated(self) -> int:
        """How many copies came beside the first ones."""
        return sum(self.times.values()) - len(self.times)

    def boots(self) -> Counter[int]:
        """Reports by boot."""
        return Counter(name[1] for name in self.stored if name[0] == "report")


def waiting(node: Node, copy: Path) -> list[Name]:
    """What a node without power has on its flash for the next boot, in its order."""
    copy.mkdir()
    shutil.copy(node.folder / "board.json", copy)
    shutil.copytree(node.folder / "flash", copy / "flash")
    results = run_device("ring_list", "micropython", copy)
    results.check()
    return [(name[0], name[1], name[2]) for name in results.values["waiting"]]


def wait_for(lab: Lab, wanted: set[Name], timeout_s: float = 40.0) -> Store:
    """What has come once all of these have."""
    deadline = time.monotonic() + timeout_s
    while True:
        store = Store(list(lab.server.heard))
        missing = wanted - set(store.stored)
        if not missing:
            return store
        assert time.monotonic() < deadline, sorted(missing)
        time.sleep(0.2)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_outage_with_power_cuts_in_it_loses_no_report(
    lab: Lab, runtime: str, tmp_path: Path
) -> None:
    node = lab.new_node("streetlight")
    node.runtime = runtime
    node.at(NIGHT_S, speed=SPEED)
    with power(node):
        lab.server.wait(lambda message: message.channel == "report")
        lab.broker.stop()
        time.sleep(9)
        node.cut()
        first = waiting(node, tmp_path / "first")
        # Two more boots that see no broker; each keeps what those before it could not send.
        node.start()
        time.sleep(6)
        node.cut()
        second = waiting(node, tmp_path / "second")
        assert set(first) <= set(second)
        node.start()
        time.sleep(4)
        node.cut()
        told = waiting(node, tmp_path / "told")
        assert set(second) <= set(told)
        assert {name[1] for name in told} == {1, 2, 3}
        lab.broker.start()
        node.start()
        store = wait_for(lab, set(told))
        lab.server.wait(
            lambda message: message.channel in ("report", "batch") and message.parts[1] == 4
        )
        store = Store(list(lab.server.heard))
    assert store.boots()[1] >= 7
    assert store.boots()[2] >= 4
    # Only what was on its way when the broker went can have come twice.
    assert store.repeated() <= IN_FLIGHT
    # Events first, then reports, the oldest of each first.
    order = [name for name in dict.fromkeys(_in_order(lab.server.heard)) if name in set(told)]
    assert [name for name in order if name[0] == "report"] == [n for n in told if n[0] == "report"]
    late = [name for name in told if name[1] in (2, 3)]
    came = [name for name in order if name in set(late)]
    assert came == sorted(late, key=lambda name: name[0] == "report")


def _in_order(heard: list[Heard]) -> list[Name]:
    return [name for message in heard for name in names_of(message)]


def test_kills_at_any_moment_lose_nothing_and_repeat_little(lab: Lab, tmp_path: Path) -> None:
    chance = random.Random(5)
    node = lab.new_node("streetlight")
    node.at(NIGHT_S, speed=SPEED)
    told: set[Name] = set()
    kills = 8
    for number in range(kills):
        with power(node):
            time.sleep(chance.uniform(0.3, 3.5))
        told.update(waiting(node, tmp_path / str(number)))
    with power(node):
        store = wait_for(lab, told)
    assert len({name[1] for name in store.stored}) >= kills
    # Beside what waited to be acknowledged, a kill repeats what the cursor had not followed.
    assert store.repeated() <= kills * (ACKNOWLEDGED_UNSAVED + IN_FLIGHT)


def test_a_last_gasp_nobody_heard_is_told_after_the_return(lab: Lab) -> None:
    node = lab.new_node("streetlight", report_s=3600)
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(lambda message: message.channel == "report")
        lab.broker.stop()
        time.sleep(1.5)
        node.tell(mains=False)
        time.sleep(1.0)
        node.cut()
        lab.broker.start()
        lab.server.forget()
        node.start()
        gasp = lab.server.wait(lambda message: message.code == messages.LAST_GASP)
        assert gasp.parts[1] == 1
        lab.server.wait(lambda m: m.code == messages.BOOTED and m.parts[1] == 2)


def test_a_last_gasp_on_an_open_but_dead_connection_is_told_after_the_return(lab: Lab) -> None:
    node = lab.new_node("streetlight", report_s=3600)
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(lambda message: message.channel == "report")
        time.sleep(1.0)
        lab.broker.freeze()
        node.tell(mains=False)
        time.sleep(1.0)
        node.cut()
        lab.broker.thaw()
        lab.server.forget()
        node.start()
        gasps = [lab.server.wait(lambda message: message.code == messages.LAST_GASP)]
        lab.server.wait(lambda m: m.code == messages.BOOTED and m.parts[1] == 2)
        time.sleep(1.0)
        gasps = [heard for heard in lab.server.heard if heard.code == messages.LAST_GASP]
        assert {gasp.parts[1:3] for gasp in gasps} == {gasps[0].parts[1:3]}
        assert gasps[0].parts[1] == 1


def test_a_board_without_the_partition_keeps_its_reports_in_files(lab: Lab) -> None:
    node = lab.new_node("streetlight", broker_port=9)
    board = json.loads((node.folder / "board.json").read_text())
    del board["partitions"]["outbox"]
    (node.folder / "board.json").write_text(json.dumps(board))
    node.at(NIGHT_S, speed=SPEED)
    with power(node):
        time.sleep(4)
    assert not (node.folder / "flash" / "outbox.img").exists()
    node.change_config(broker=["127.0.0.1", lab.broker.port])
    with power(node):
        lab.server.wait(lambda message: message.channel == "batch" and message.parts[1] == 1)
        lab.server.wait(lambda message: message.code == messages.BOOTED and message.parts[1] == 1)


def test_a_ruined_outbox_is_begun_anew(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(lambda message: message.channel == "report")
    image = node.folder / "flash" / "outbox.img"
    image.write_bytes(random.Random(3).randbytes(image.stat().st_size))
    lab.server.forget()
    with power(node):
        lab.server.wait(lambda message: message.code == messages.BOOTED and message.parts[1] == 2)
        assert lab.server.state(lambda _, facts: facts["slot"] == "a")["error"] is None
        lab.server.wait(lambda message: message.channel == "report" and message.parts[1] == 2)


def test_a_dead_flash_is_named_and_the_lamp_reports_from_memory(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    (node.folder / "flash").mkdir(exist_ok=True)
    (node.folder / "flash" / "outbox.img").mkdir()
    with power(node):
        facts = lab.server.state(lambda _, facts: facts["error"] is not None)
        assert facts["error"] == "outbox_failure"
        lab.server.wait(lambda message: message.channel == "report")


# On 64 bits everything is twice the size.
@pytest.mark.parametrize(
    ("runtime", "heap"), [("micropython", "256k"), ("micropython-i386", "128k")]
)
def test_a_week_fits_the_partition_and_a_small_heap(
    runtime: str, heap: str, tmp_path: Path
) -> None:
    run_device("ring_partition", runtime, tmp_path, kind="streetlight", heap=heap).check()
