"""Stories of a bin that sleeps: the real firmware on the real bench, whose clock runs fast."""

import itertools
import json
import random
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protocols import messages
from protocols.fields import fault_names, named
from tests.unit.boards.virtual.bench_runner import wait_until
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.servers import Heard
from tests.unit.firmware.lab.sleeper import BIN, MORNING_S, Asleep, asleep
from tests.unit.firmware.test_outbox_stories import Name, Store, waiting

pytestmark = pytest.mark.sockets

DAY_S = 86400
# What a wake may take; this machine, which has no radio, is far below.
TYPICAL_MS = 4000
LOOK_MS = 1000
MOST_MS = 20000


def reports_made(sleeper: Asleep) -> list[int]:
    """How long the wakes were in which it measured all, which it does for a report."""
    return [ms for ms, _, _ in sleeper.wakes() if ms > 250]


def fault(name: str, code: int = messages.FAULT_ON) -> Callable[[Heard], bool]:
    """What fits the event of a fault."""
    return lambda message: message.code == code and message.parts[5] == {"fault": name}


def reports(heard: list[Heard]) -> list[dict[str, Any]]:
    """All reports, with their time, boot and number; batches taken apart."""
    found: list[dict[str, Any]] = []
    for message in heard:
        if message.channel == "report":
            rows = [(message.parts[3], message.parts[4])]
        elif message.channel == "batch":
            rows = message.parts[3]
        else:
            continue
        kind, boot, first = message.parts[:3]
        for step, (at_s, row) in enumerate(rows):
            stamp = {"at_s": at_s, "boot": boot, "seq": first + step}
            found.append(named(kind, row) | stamp | {"names": fault_names(kind, row[7])})
    return found


def test_a_wake_is_short_and_a_look_is_shorter(lab: Lab, tmp_path: Path) -> None:
    with asleep(lab, tmp_path, speed=150) as sleeper:
        wait_until(lambda: len(reports(lab.server.heard)) >= 4)
        wakes = sleeper.wakes()
        assert statistics.median(ms for ms, _, told in wakes if told) <= TYPICAL_MS
        assert max(ms for ms, _, _ in wakes) <= MOST_MS
        looks = [ms for ms, _, connected in wakes if not connected]
        assert statistics.median(looks) <= LOOK_MS
        assert max(sleep_s for _, sleep_s, _ in wakes) <= 60
        assert sleeper.bench.node(BIN)["crashes"] == 0
        heard = list(lab.server.heard)
    told = reports(heard)
    # One boot in the sense of the numbers, each number once, in step.
    assert {report["boot"] for report in told} == {1}
    assert len({report["seq"] for report in told}) == len(told)
    steps = [b["at_s"] - a["at_s"] for a, b in itertools.pairwise(told)]
    assert all(step >= 240 for step in steps), steps
    assert all(report["fill_percent"] is not None for report in told)
    assert [message.code for message in heard if message.channel == "event"] == [messages.BOOTED]
    assert all(m.parts[5]["sleep_s"] == 300 for m in heard if m.channel == "state")


def test_a_bin_set_on_fire_while_asleep_reports_at_once(lab: Lab, tmp_path: Path) -> None:
    # Only its contact can tell: the next look is a day away.
    with asleep(lab, tmp_path, speed=10, sleep_s=DAY_S, report_s=DAY_S) as sleeper:
        lab.server.wait(lambda message: message.channel == "report")
        wait_until(sleeper.sleeps)
        began_s = time.monotonic()
        sleeper.set("fire", True)
        lab.server.wait(fault("fire"), 4)
        assert time.monotonic() - began_s < 4
        lab.server.wait(lambda m: any("fire" in r["names"] for r in reports([m])))
        # It goes on sleeping, and does not wake again and again while the contact is closed.
        wait_until(sleeper.sleeps)
        boots = sleeper.bench.node(BIN)["boots"]
        time.sleep(0.5)
        assert sleeper.bench.node(BIN)["boots"] == boots


def test_a_fire_that_begins_in_a_wake_is_seen_right_after_it(lab: Lab, tmp_path: Path) -> None:
    with asleep(lab, tmp_path, speed=10, sleep_s=DAY_S, report_s=DAY_S) as sleeper:
        # It has looked around and is about to measure, to connect and to tell.
        wait_until(lambda: "boot: smart_bin" in sleeper.log())
        time.sleep(0.05)
        sleeper.set("fire", True)
        lab.server.wait(fault("fire"), 6)


def test_without_a_contact_a_fire_is_seen_by_the_next_look(lab: Lab, tmp_path: Path) -> None:
    with asleep(lab, tmp_path, 30, report_s=DAY_S, lacking=["heat_contact"]) as sleeper:
        lab.server.wait(lambda message: message.channel == "report")
        wait_until(sleeper.sleeps)
        sleeper.set("fire", True)
        fire_s = MORNING_S + (time.time() - _city_ref_s(sleeper)) * 30
        burns = lab.server.wait(fault("fire"))
        # Sixty seconds of the city, and what this machine needs to start a process.
        assert burns.parts[3] - fire_s < 60 + 60
        sleeper.set("fire", None)
        lab.server.wait(fault("fire", messages.FAULT_OFF))


def _city_ref_s(sleeper: Asleep) -> float:
    return json.loads((sleeper.bench.root / "bench.json").read_text())["clock"]["real_ref_s"]


def test_a_bin_that_falls_while_asleep_reports_and_an_opened_lid_does_not(
    lab: Lab, tmp_path: Path
) -> None:
    with asleep(lab, tmp_path, speed=10, sleep_s=DAY_S, report_s=DAY_S) as sleeper:
        lab.server.wait(lambda message: message.channel == "report")
        wait_until(sleeper.sleeps)
        sleeper.set("tilt", 100)
        time.sleep(0.4)
        sleeper.set("tilt", None)
        time.sleep(1.0)
        assert sleeper.bench.node(BIN)["boots"] == 1
        sleeper.set("tilt", 85)
        lab.server.wait(fault("tilt"), 6)
        told = lab.server.wait(lambda m: any("tilt" in r["names"] for r in reports([m])))
        # A sensor that looks at the sky says nothing new about the fill.
        assert reports([told])[0]["fill_percent"] is not None


def test_a_week_of_wakes_without_a_broker_arrives_once(lab: Lab, tmp_path: Path) -> None:
    lab.broker.stop()
    step_s = 12 * 3600
    with asleep(lab, tmp_path, speed=48000, sleep_s=step_s, report_s=step_s) as sleeper:
        # At this speed its battery would be flat and changed within seconds.
        sleeper.set("battery", 3.7)
        wait_until(lambda: len(reports_made(sleeper)) >= 15, 60)
        lab.broker.start()
        lab.server.wait(lambda message: message.channel == "batch", 30)
        wait_until(sleeper.sleeps)
        assert sleeper.bench.node(BIN)["crashes"] == 0
    store = Store(list(lab.server.heard))
    told = [name for name in store.stored if name[0] == "report"]
    assert len(told) >= 15
    assert {name[1] for name in told} == {1}
    # Nothing was delivered before, so nothing comes twice; a last will has one of the numbers.
    numbers = sorted(name[2] for name in told)
    assert set(range(numbers[0], numbers[0] + 15)) - set(numbers) <= {numbers[0] + 1}
    assert store.repeated() == 0
    times = sorted(store.stored[name][0] for name in told)
    assert times[14] - times[0] >= 14 * step_s * 9 // 10


def test_kills_and_cuts_in_wakes_lose_nothing(lab: Lab, tmp_path: Path) -> None:
    chance = random.Random(8)
    node = lab.new_node("smart_bin", BIN, sleep_s=60, report_s=1)
    told: set[Name] = set()
    cause = 1
    for number in range(12):
        node.start(cause)
        deadline_s = time.monotonic() + chance.uniform(0.02, 0.9)
        while node.is_running() and time.monotonic() < deadline_s:
            time.sleep(0.01)
        ended = not node.is_running()
        node.cut()
        # It slept, or its battery failed, or it crashed in the middle of its wake.
        cause = 4 if ended else chance.choice((1, 2))
        if (node.folder / "flash").exists():
            told.update(waiting(node, tmp_path / str(number)))
    for _ in range(4):
        node.start(4)
        assert node.wait_end() == 77
    store = Store(list(lab.server.heard))
    assert told <= set(store.stored)
    assert len({name[1] for name in store.stored}) >= 3


def test_a_wake_ends_when_the_broker_answers_nothing(lab: Lab, tmp_path: Path) -> None:
    with asleep(lab, tmp_path, speed=200, awake_s=2) as sleeper:
        lab.server.wait(lambda message: message.channel == "report")
        wait_until(sleeper.sleeps)
        lab.broker.freeze()
        before = len(sleeper.wakes())
        wait_until(lambda: any(ms >= 1900 for ms, _, _ in sleeper.wakes()[before:]))
        lab.broker.thaw()
        assert max(ms for ms, _, _ in sleeper.wakes()) < 3000
        # What could not be told waits and comes.
        lab.server.forget()
        lab.server.wait(lambda message: message.channel in ("report", "batch"))
        assert sleeper.bench.node(BIN)["crashes"] == 0


def test_a_wake_that_hangs_is_ended_by_its_watchdog(lab: Lab, tmp_path: Path) -> None:
    node = lab.new_node("smart_bin", BIN, sleep_s=60, awake_s=2)
    # A line that never takes a byte, and a driver that waits for it for ever.
    hung = tmp_path / "hung"
    hung.mkdir()
    (hung / "power_up.py").write_text(
        "import machine\n"
        "def hang(self, data):\n    while True:\n        pass\n"
        "machine.UART.write = hang\n"
        "import mapped_flash\n"
        "mapped_flash.install()\n"
        "execfile('main.py')\n"
    )
    ordinary = node.program
    node.modules, node.program = [hung], ["-m", "power_up"]
    node.start()
    assert node.wait_end(10) == -signal.SIGALRM
    node.program = ordinary
    node.start(3)
    crash = lab.server.event(messages.CRASHED)
    assert crash["cause"] == "watchdog"
    node.cut()


def test_dead_and_covered_sensors_are_named_and_the_others_go_on(lab: Lab, tmp_path: Path) -> None:
    with asleep(lab, tmp_path, speed=400) as sleeper:
        sleeper.set("fill", 20)
        lab.server.wait(lambda message: message.channel == "report")
        for part, what, name in (
            ("fill", "silent", "fill_sensor_failure"),
            ("fill", "blocked", "fill_sensor_blocked"),
            ("temperature", "silent", "temperature_sensor_failure"),
            ("tilt", "silent", "tilt_sensor_failure"),
        ):
            sleeper.set("sensor_fault", f"{part}:{what}")
            lab.server.wait(fault(name))
            told = lab.server.wait(lambda m, n=name: any(n in r["names"] for r in reports([m])))
            report = next(r for r in reports([told]) if name in r["names"])
            assert report["battery_v"] is not None
            assert (report["fill_percent"] is None) == (part == "fill")
            lab.server.forget()
        sleeper.set("sensor_fault", None)
        lab.server.wait(fault("tilt_sensor_failure", messages.FAULT_OFF))


def test_a_full_bin_is_full_and_an_emptied_one_counts(lab: Lab, tmp_path: Path) -> None:
    with asleep(lab, tmp_path, speed=200) as sleeper:
        sleeper.set("fill", 90)
        lab.server.wait(lambda m: any(88 <= (r["fill_percent"] or 0) <= 92 for r in reports([m])))
        # The same edge of the blind zone as a covered sensor, but a nearly full bin before it.
        sleeper.set("sensor_fault", "fill:blocked")
        full = lab.server.wait(lambda m: any(r["fill_percent"] == 100 for r in reports([m])))
        assert reports([full])[-1]["names"] == []
        sleeper.set("sensor_fault", None)
        sleeper.set("fill", 5)
        emptied = lab.server.wait(lambda m: any(r["pickups"] == 1 for r in reports([m])))
        assert reports([emptied])[-1]["fill_percent"] <= 10


def test_a_low_battery_stretches_the_interval_and_says_so(lab: Lab, tmp_path: Path) -> None:
    with asleep(lab, tmp_path, speed=300) as sleeper:
        lab.server.state(lambda _, facts: facts.get("sleep_s") == 300)
        sleeper.set("battery", 3.2)
        lab.server.wait(fault("low_battery"))
        lab.server.state(lambda _, facts: facts.get("sleep_s") == 1200)
        lab.server.forget()
        # A new wish of the server is stretched, too.
        lab.server.desire(BIN, 1, {"report_s": 200})
        lab.server.state(lambda version, facts: version == 1 and facts["sleep_s"] == 800)
        sleeper.set("battery", 3.9)
        lab.server.state(lambda version, facts: version == 1 and facts["sleep_s"] == 200)
