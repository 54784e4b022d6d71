"""The bench with real MicroPython processes; a small program stands in for the firmware."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.boards.virtual.bench_runner import (
    ROOT,
    SECRET,
    RunningBench,
    end_pids,
    is_alive,
    make_node,
    wait_until,
    write_bench,
)

pytestmark = pytest.mark.sockets

# tests/unit/boards/virtual/device/stand_in.py.
RESET, CRASH, WATCHDOG, SLEEP, DEAF, CHATTER, HANG_UP, NONSENSE, ARMED = range(1, 10)
LAMPS = (
    *("reset", "crash", "watchdog", "sleep", "armed"),
    *("chatter", "hangup", "nonsense", "hopeless"),
)
STREET = ("a-1", "a-2", "b-1", "solo")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBench]:
    """One bench for all tests; each uses nodes of its own."""
    root = tmp_path_factory.mktemp("bench")
    nodes = [make_node(root, name) for name in LAMPS]
    nodes += [
        make_node(root, "a-1", feeder="fa", cabinet="c"),
        make_node(root, "a-2", feeder="fa", cabinet="c"),
        make_node(root, "b-1", feeder="fb", cabinet="c"),
        make_node(root, "solo", feeder="fs", cabinet="cs"),
        make_node(root, "bin", kind="smart_bin"),
    ]
    with RunningBench(write_bench(root, nodes)) as running:
        pids = running.up(*(node["id"] for node in nodes))
        yield running
        assert running.end(signal.SIGTERM) == 0
        assert not any(is_alive(pid) for pid in pids.values())


def set_fill(bench: RunningBench, node: str, number: int) -> None:
    """Tell the stand-in to do something."""
    assert bench.ask(do="set", node=node, what="fill", value=number) == {"ok": True}


def again(bench: RunningBench, node: str, boots: int, cause: int) -> None:
    """Wait for a node's next boot, which must have this cause."""
    wait_until(lambda: len(bench.boots(node)) >= boots)
    assert bench.boots(node)[boots - 1]["cause"] == cause


def test_a_node_is_told_its_world_and_seen_from_outside(bench: RunningBench) -> None:
    (word,) = bench.boots("a-1")
    assert (word["cause"], word["mains"], word["set"], word["line_fd"]) == (1, True, {}, 0)
    assert (word["latitude_udeg"], word["longitude_udeg"]) == (13983000, 108000000)
    assert word["clock"]["city_ref_s"] == 1763600000
    assert word["seed"] != bench.boots("a-2")[0]["seed"]
    seen = bench.node("a-1")
    assert is_alive(seen["pid"])
    assert (seen["mains"], seen["level"], seen["duty"], seen["power"]) == (True, 100, 65535, 100.0)
    assert bench.node("bin")["level"] is None


def test_a_reset_boots_again_at_once_and_keeps_what_was_set(bench: RunningBench) -> None:
    before = bench.node("reset")["pid"]
    bench.ask(do="set", node="reset", what="tilt", value=30)
    began_s = time.monotonic()
    set_fill(bench, "reset", RESET)
    again(bench, "reset", 2, 2)
    assert time.monotonic() - began_s < 2
    assert bench.boots("reset")[1]["set"] == {"tilt": 30, "fill": RESET}
    assert bench.boots("reset")[1]["seed"] == bench.boots("reset")[0]["seed"]
    seen = bench.node("reset")
    assert seen["pid"] != before
    assert (seen["boots"], seen["crashes"], seen["last_end"]) == (2, 0, "was reset")
    assert not is_alive(before)
    bench.ask(do="set", node="reset", what="tilt", value=False)
    assert bench.node("reset")["set"] == {"fill": RESET}


def test_a_crash_is_counted_and_its_words_are_in_the_log(bench: RunningBench) -> None:
    set_fill(bench, "crash", CRASH)
    again(bench, "crash", 2, 2)
    assert bench.node("crash")["crashes"] == 1
    assert "ValueError: a bug" in (bench.root / "logs" / "crash.log").read_text()
    assert "crash crashed: exit code 1" in bench.errors.read_text()


def test_a_watchdog_is_told_from_a_crash(bench: RunningBench) -> None:
    set_fill(bench, "watchdog", WATCHDOG)
    again(bench, "watchdog", 2, 3)
    assert bench.node("watchdog")["crashes"] == 0


def test_deep_sleep_ends_when_the_node_said(bench: RunningBench) -> None:
    set_fill(bench, "sleep", SLEEP)
    began_s = time.monotonic()
    wait_until(lambda: bench.node("sleep")["pid"] is None)
    again(bench, "sleep", 2, 4)
    assert bench.boots("sleep")[1]["wake"] == 4
    assert 0.6 < time.monotonic() - began_s < 4


def test_a_pin_ends_a_deep_sleep_once_it_was_high_for_long_enough(bench: RunningBench) -> None:
    set_fill(bench, "armed", ARMED)
    wait_until(lambda: bench.node("armed")["pid"] is None)
    bench.ask(do="set", node="armed", what="tilt", value=30)
    bench.ask(do="set", node="armed", what="battery", value=3)
    time.sleep(0.4)
    assert len(bench.boots("armed")) == 1
    began_s = time.monotonic()
    bench.ask(do="set", node="armed", what="tilt", value=60)
    again(bench, "armed", 2, 4)
    assert bench.boots("armed")[1]["wake"] == 3
    assert time.monotonic() - began_s >= 0.2
    # Who goes to sleep with a pin that is high boots at once.
    bench.ask(do="set", node="armed", what="fire", value=True)
    set_fill(bench, "armed", ARMED)
    again(bench, "armed", 3, 4)
    assert bench.boots("armed")[2]["wake"] == 3


def test_a_node_that_never_starts_costs_little(bench: RunningBench) -> None:
    bench.ask(do="set", node="hopeless", what="battery", value=0.5)
    set_fill(bench, "hopeless", RESET)
    wait_until(lambda: bench.node("hopeless")["crashes"] >= 2)
    time.sleep(3)
    # Pauses of 0.5, 1, 2, 4 s: not many boots fit into this time.
    assert 2 <= bench.node("hopeless")["crashes"] <= 5


def test_a_node_that_hangs_up_is_ended(bench: RunningBench) -> None:
    before = bench.node("hangup")["pid"]
    set_fill(bench, "hangup", HANG_UP)
    again(bench, "hangup", 2, 2)
    assert not is_alive(before)


def test_nonsense_from_a_node_changes_nothing_else(bench: RunningBench) -> None:
    set_fill(bench, "nonsense", NONSENSE)
    seen = wait_until(lambda: (n := bench.node("nonsense"))["level"] == 7 and n)
    assert len(seen["said"]) <= 32
    assert "id" not in seen["said"]
    assert "long" not in seen["said"]


def test_a_log_stays_bounded_and_keeps_its_end(bench: RunningBench) -> None:
    set_fill(bench, "chatter", CHATTER)
    wait_until(lambda: {"chattered": True} in bench.heard("chatter"), 60)
    log = bench.root / "logs" / "chatter.log"
    kept = bench.root / "logs" / "chatter.log.1"
    wait_until(lambda: kept.exists() and log.stat().st_size < 1_000_000)
    assert kept.stat().st_size <= 256_000
    assert "the end" in kept.read_text() + log.read_text()
    assert bench.node("chatter")["boots"] == 1


def test_a_cut_feeder_gasps_goes_dark_and_returns(bench: RunningBench) -> None:
    before = bench.up(*STREET)
    assert bench.ask(do="cut_feeder", feeder="fa") == {"ok": True, "nodes": ["a-1", "a-2"]}
    began_s = time.monotonic()
    seen = bench.ask(do="status")["nodes"]
    assert [seen[name]["mains"] for name in STREET] == [False, False, True, True]
    assert [seen[name]["power"] for name in STREET] == [0.0, 0.0, 100.0, 100.0]
    assert seen["a-1"]["pid"] == before["a-1"]
    wait_until(lambda: {"mains": False} in bench.heard("a-1"))
    wait_until(lambda: not bench.node("a-1")["pid"] and not bench.node("a-2")["pid"])
    assert 2.9 < time.monotonic() - began_s < 9
    assert not is_alive(before["a-1"])
    assert bench.node("b-1")["pid"] == before["b-1"]
    # While the cabinet is cut too, the feeder's return changes nothing.
    assert bench.ask(do="cut_cabinet", cabinet="c")["nodes"] == ["a-1", "a-2", "b-1"]
    bench.ask(do="restore_feeder", feeder="fa")
    time.sleep(1.5)
    assert bench.node("a-1")["pid"] is None
    bench.ask(do="restore_cabinet", cabinet="c")
    again(bench, "a-1", 2, 1)
    assert bench.boots("a-1")[1]["mains"] is True
    # The one that still lived on its capacitor when the cabinet came back goes on.
    assert bench.up("b-1") == {"b-1": before["b-1"]}
    assert bench.heard("b-1")[1:] == [{"mains": False}, {"mains": True}]
    assert bench.node("solo")["pid"] == before["solo"]


def test_a_node_is_cut_alone(bench: RunningBench) -> None:
    before = bench.up("solo")["solo"]
    assert bench.ask(do="cut_node", node="solo") == {"ok": True, "nodes": ["solo"]}
    wait_until(lambda: bench.node("solo")["pid"] is None)
    assert not is_alive(before)
    bench.ask(do="restore_node", node="solo")
    assert bench.up("solo")["solo"] != before


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"do": "cut_feeder", "feeder": "nowhere"}, "no feeder 'nowhere'"),
        ({"do": "cut_feeder"}, "needs feeder"),
        ({"do": "cut_everything", "everything": "x"}, "unknown order"),
        ({"do": "set", "node": "x", "what": "tilt", "value": 1}, "no node 'x'"),
        ({"do": "set", "node": "a-1", "what": "moon", "value": 1}, "none of tilt"),
        ({"do": "set", "node": "a-1", "what": "tilt", "value": 181}, "from 0 to 180"),
        ({"do": 3}, "an order is"),
        ({}, "an order is"),
    ],
)
def test_a_strange_order_is_answered(
    bench: RunningBench, order: dict[str, object], words: str
) -> None:
    answer = bench.talk({"secret": SECRET}, order)
    assert answer["ok"] is False
    assert words in answer["error"]


def test_only_who_knows_the_secret_is_heard(bench: RunningBench) -> None:
    for first in ({"secret": "a-secret-of-the-test"}, {"secret": 5}, {"do": "status"}, b"\xff\n"):
        assert bench.talk(first, {"do": "stop"}) == {"ok": False, "error": "wrong secret"}
    assert bench.talk({"secret": SECRET}, b"no json\n")["ok"] is False
    assert bench.talk({"secret": SECRET}, b"[" * 9000 + b"\n")["ok"] is False
    assert bench.talk({"secret": SECRET}, b"x" * 20000) == {}
    assert bench.ask(do="status")["ok"] is True


def test_a_second_bench_does_not_touch_the_nodes_of_the_first(bench: RunningBench) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "boards.virtual", "--bench", str(bench.root / "bench.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "a bench runs here already" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (bench.root / "bench.work" / "device" / "machine.mpy").is_file()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_node_outlives_the_bench(tmp_path: Path, number: signal.Signals) -> None:
    nodes = [make_node(tmp_path, name) for name in ("n-1", "n-2", "deaf")]
    with RunningBench(write_bench(tmp_path, nodes)) as running:
        pids = list(running.up("n-1", "n-2", "deaf").values())
        try:
            set_fill(running, "deaf", DEAF)
            wait_until(lambda: {"deaf": True} in running.heard("deaf"))
            code = running.end(number)
            assert code == (-signal.SIGKILL if number is signal.SIGKILL else 0)
            wait_until(lambda: not any(is_alive(pid) for pid in pids), 5)
        finally:
            end_pids(pids)


def test_the_order_to_stop_is_answered_and_ends_all(tmp_path: Path) -> None:
    with RunningBench(write_bench(tmp_path, [make_node(tmp_path, "n-1")])) as running:
        pid = running.up("n-1")["n-1"]
        assert running.ask(do="stop") == {"ok": True}
        assert running.process.wait(10) == 0
        assert not is_alive(pid)
        assert running.errors.read_text() == ""


def test_forty_nodes_are_up_within_six_seconds(tmp_path: Path) -> None:
    first = make_node(tmp_path, "n-0")
    nodes = [first]
    for index in range(1, 40):
        folder = tmp_path / "nodes" / f"n-{index}"
        folder.mkdir()
        for name in ("main.py", "config.json", "board.json"):
            text = (Path(first["folder"]) / name).read_text()
            (folder / name).write_text(text.replace("n-0", f"n-{index}"))
        nodes.append({**first, "id": f"n-{index}", "folder": str(folder)})
    bench = write_bench(tmp_path, nodes)
    began_s = time.monotonic()
    with RunningBench(bench) as running:
        pids = running.up(*(node["id"] for node in nodes))
        assert time.monotonic() - began_s < 6
        assert len(set(pids.values())) == 40
        assert running.end(signal.SIGTERM) == 0
        assert not any(is_alive(pid) for pid in pids.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clock": {"real_ref_s": 1, "city_ref_s": 1}}, "speed"),
        ({"seed": "x"}, "seed"),
        ({"control_secret_file": "nowhere"}, "nowhere"),
        ({"nodes": [{"id": "A"}]}, "no id"),
        ({"nodes": [{"id": "server-x", "folder": "."}]}, "no id"),
        ({"nodes": [{"id": "n-1", "kind": "kettle"}]}, "none of streetlight"),
        ({"nodes": [{"id": "n-1", "kind": "streetlight", "folder": "nowhere"}]}, "no main.py"),
        ({"series": []}, "series"),
    ],
)
def test_a_wrong_bench_json_is_one_line(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    bench = write_bench(tmp_path, [])
    bench.write_text(json.dumps({**json.loads(bench.read_text()), **change}))
    assert words in refused(bench)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    bench = write_bench(tmp_path, [])
    os.chmod(tmp_path / "secret", 0o644)
    assert "others can read it" in refused(bench)
    os.chmod(tmp_path / "secret", 0o600)
    (tmp_path / "secret").write_text("short")
    assert "16 characters" in refused(bench)


def refused(bench: Path) -> str:
    """What a bench says that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "boards.virtual", "--bench", str(bench)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr
