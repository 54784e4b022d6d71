"""A newcomer's first evening with the demo: everything that it promises, by the command line.

One demo serves all stories but the last ones, which end it. The city runs 60 times as fast.
"""

import json
import os
import shlex
import signal
import socket
import stat
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.support.demo_process import DemoProcess
from tools.client.credentials import read_profile
from tools.client.http import FleetClient
from tools.demo.district import load_district

pytestmark = pytest.mark.timeout(300)

WAIT_S = 60.0
ALL_LAMPS = "Tất cả đèn"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[DemoProcess]:
    """A demo that is ready."""
    with DemoProcess(tmp_path_factory.mktemp("district")) as process:
        process.wait_ready()
        yield process


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = WAIT_S) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, f"waited {timeout_s} s for: {what}"
        time.sleep(0.25)


def step_in(demo: DemoProcess, minutes: int, level: int) -> str:
    """A step of a program so many minutes of city time from now."""
    clock = demo.asks("demo", "clock")
    at = time.gmtime(clock["city_s"] + 7 * 3600 + minutes * 60)
    return f"{at.tm_hour:02d}:{at.tm_min:02d}={level}"


def first_password(demo: DemoProcess) -> str:
    return demo.said().partition("user admin, password ")[2].split()[0]


def log_in(demo: DemoProcess, password: str) -> Path:
    """Logs the administrator in with the command; returns the login's file."""
    file, own = demo.folder / "password", demo.folder / "own.json"
    file.write_text(password + "\n")
    server = demo.said().partition("Address   ")[2].split()[0]
    words = ("--token-file", str(own), "login", "-u", "admin", "--server", server)
    demo.cityfleet(*words, "--password-file", str(file))
    return own


def active_alarms(demo: DemoProcess, object_kind: str) -> list[dict[str, Any]]:
    alarms: list[dict[str, Any]] = demo.asks("alarms", "list")
    return [alarm for alarm in alarms if alarm["object_kind"] == object_kind]


def to_try(demo: DemoProcess, word: str) -> list[list[str]]:
    """The commands with a word in them that the demo told to try, without the program's name."""
    lines = [line.strip() for line in demo.said().splitlines() if line.startswith("       ")]
    return [shlex.split(line)[1:] for line in lines if word in line]


def confirmed(demo: DemoProcess, kind: str, version: str) -> bool:
    nodes: list[dict[str, Any]] = demo.asks("nodes", "list", "--kind", kind)
    return all(node["app_version"] == version for node in nodes)


def test_ready_means_forty_of_forty_and_a_login_that_works(demo: DemoProcess) -> None:
    said = demo.said()
    assert "ready: 40 nodes online" in said
    assert "the city clock runs 60 times as fast" in said
    nodes = demo.asks("nodes", "list")
    assert len(nodes) == 40
    assert all(node["online"] and node["app_version"] == "1.0.0" for node in nodes)
    own = log_in(demo, first_password(demo))
    assert "registry.import" in demo.cityfleet("--token-file", str(own), "audit")
    with pytest.raises(AssertionError, match="password is wrong"):
        log_in(demo, "wrong password")
    # The commands of the demo itself go on as its operator, who may less.
    assert "no permission" in demo.fails("audit")


def test_every_node_has_a_key_of_its_own_that_nobody_else_can_read(demo: DemoProcess) -> None:
    keys = [
        demo.data / "nodes" / node.id / "identity" / "key.der" for node in load_district().nodes
    ]
    assert len({key.read_bytes() for key in keys}) == 40
    secrets = [
        *keys,
        demo.data / "release-keys" / "release-key.pem",
        demo.data / "server" / "offline" / "root.key",
        demo.data / "operator.json",
        demo.data / "cli.json",
    ]
    for secret in secrets:
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret
    assert stat.S_IMODE(demo.data.stat().st_mode) == 0o700


def test_no_log_holds_a_secret(demo: DemoProcess) -> None:
    words = {
        json.loads((demo.data / "operator.json").read_text())["password"],
        json.loads((demo.data / "cli.json").read_text())["token"],
        (demo.data / "run" / "control-secret").read_text().strip(),
        first_password(demo),
    }
    logs = [path for path in (demo.data / "logs").rglob("*") if path.is_file()]
    assert len(logs) >= 40
    for log in logs:
        text = log.read_text(errors="replace")
        assert not any(word in text for word in words), log
    commands = " ".join(demo.processes().values())
    assert not any(word in commands for word in words)


def test_a_node_shows_its_readings_and_what_happened(demo: DemoProcess) -> None:
    node = demo.asks("nodes", "show", "dl-gh-01")
    assert 5 < node["values"]["air_temperature_c"] < 45
    wait_for(
        lambda: len(demo.asks("nodes", "readings", "dl-gh-01")["at_s"]) >= 2, "a second reading"
    )
    assert "booted" in demo.cityfleet("nodes", "events", "dl-gh-01")
    assert "no-such-node" in demo.fails("nodes", "show", "no-such-node")


def test_lamps_follow_a_schedule_by_their_own_clock_without_the_server(demo: DemoProcess) -> None:
    now, later = step_in(demo, -2, 35), step_in(demo, 20, 65)
    demo.cityfleet("programs", "create", "Thử nghiệm", "-s", now, "-s", later)
    pushed = demo.cityfleet("schedule", "push", "thu nghiem", "--group", ALL_LAMPS, "--wait")
    assert "reached: 30/30" in pushed
    nodes = demo.asks("nodes", "list", "--kind", "streetlight")
    assert all(node["reported_version"] == node["desired_version"] > 0 for node in nodes)
    wait_for(lambda: set(demo.levels().values()) == {35}, "35 % everywhere")
    demo.cityfleet("demo", "stop-server")
    try:
        assert "no fleet server answers" in demo.fails("nodes", "list")
        wait_for(lambda: set(demo.levels().values()) == {65}, "65 % without a server")
    finally:
        demo.cityfleet("demo", "start-server")
    wait_for(
        lambda: all(
            node["values"].get("level_percent") == 65
            for node in demo.asks("nodes", "list", "--kind", "streetlight")
        ),
        "the server to hear of it",
    )


def test_an_override_ends_by_itself(demo: DemoProcess) -> None:
    lamps = [node.id for node in load_district().nodes if node.feeder == "pk-fd-1"]
    before = demo.levels()
    words = ("override", "set", "5", "--minutes", "6", "--group", "Đèn Hùng Vương")
    assert "reached: 8/8" in demo.cityfleet(*words, "--reason", "thử", "--wait")
    during = demo.levels()
    assert {during[lamp] for lamp in lamps} == {5}
    assert {during[lamp] for lamp in during if lamp not in lamps} != {5}
    wait_for(lambda: demo.levels() == before, "the end of the override")
    demo.cityfleet("override", "set", "7", "-m", "1440", "-n", lamps[0], "--wait")
    assert [item["node_id"] for item in demo.asks("override", "list")] == [lamps[0]]
    demo.cityfleet("override", "clear", "-n", lamps[0], "--wait")
    assert demo.asks("override", "list") == []
    wait_for(lambda: demo.levels() == before, "the early end of the override")


def test_a_dark_feeder_is_one_alarm_that_names_it_and_counts_its_lamps(demo: DemoProcess) -> None:
    demo.cityfleet("demo", "cut-feeder", "tran hung dao")
    try:
        wait_for(lambda: len(active_alarms(demo, "feeder")) == 1, "the alarm")
        wait_for(lambda: active_alarms(demo, "feeder")[0]["count"] == 8, "all eight lamps")
        (alarm,) = demo.asks("alarms", "list")
        assert (alarm["object_id"], alarm["count"], alarm["total"]) == ("pk-fd-2", 8, 8)
        assert "8 of 8" in demo.cityfleet("alarms", "list")
        events = demo.cityfleet("nodes", "events", "pk-sl-012")
        assert "last_gasp" in events
        demo.cityfleet("alarms", "acknowledge", str(alarm["id"]), "--note", "đang sửa")
    finally:
        demo.cityfleet("demo", "restore-feeder", "pk-fd-2")
    wait_for(lambda: demo.asks("alarms", "list") == [], "the end of the alarm")
    assert any(alarm["object_id"] == "pk-fd-2" for alarm in demo.asks("alarms", "list", "--all"))


def test_a_release_is_signed_rolled_out_tried_and_confirmed(demo: DemoProcess) -> None:
    said = [demo.cityfleet(*words) for words in to_try(demo, "streetlight-1.1.0")]
    assert "built" in said[0] and "signed" in said[1] and "signature good" in said[2]
    assert "confirmed: 30/30" in said[3]
    wait_for(lambda: confirmed(demo, "streetlight", "1.1.0"), "all lamps to run 1.1.0")
    lamps = demo.asks("nodes", "list", "--kind", "streetlight")
    assert {lamp["slot"] for lamp in lamps} == {"b"}
    assert {lamp["release_counter"] for lamp in lamps} == {2}
    events = demo.cityfleet("nodes", "events", "pk-sl-002")
    assert "update_trial" in events and "update_confirmed" in events
    keys = demo.data / "release-keys"
    file = demo.data / "releases" / "streetlight-1.1.0.release"
    shown = demo.cityfleet("release", "show", str(file), "--trust", str(keys / "trust.json"))
    assert "good: signed by a trusted key" in shown


@pytest.mark.parametrize(
    ("release", "reason"),
    [("reservoir-6.6.6", "unknown_key"), ("smart_bin-1.1.0", "hash_mismatch")],
)
def test_a_thiefs_release_is_refused_by_the_first_node_and_goes_no_further(
    demo: DemoProcess, release: str, reason: str
) -> None:
    *before, last = to_try(demo, release)
    if reason == "unknown_key":
        before.insert(0, ["demo", "forge-release", "--kind", "reservoir"])
    for words in before:
        demo.cityfleet(*words)
    line = demo.fails(*last)
    assert "paused" in line and reason in line
    kind, _, version = release.partition("-")
    (rollout,) = [item for item in demo.asks("rollout", "list") if item["kind"] == kind]
    status = demo.asks("rollout", "status", str(rollout["id"]))
    refused = [node for node in status["nodes"] if node["state"] == "refused"]
    assert [node["reason"] for node in refused] == [reason]
    assert rollout["version"] == version
    assert confirmed(demo, kind, "1.0.0")
    assert "update_refused" in demo.cityfleet("nodes", "events", refused[0]["node_id"])
    demo.cityfleet("rollout", "abort", str(rollout["id"]))


def test_a_technician_prepares_a_node_with_a_token_alone(demo: DemoProcess) -> None:
    profile = read_profile(log_in(demo, first_password(demo)))
    row = {"id": "pk-sl-017", "kind": "streetlight", "name": "Đèn mới", "lat": 13.98, "lon": 108.0}
    with FleetClient(profile.server, profile.token) as administrator:
        administrator.post("registry/import", {"nodes": [row]})
    word, out = demo.folder / "token", demo.folder / "pk-sl-017"
    demo.cityfleet("node", "token", "--kind", "streetlight", "--out", str(word))
    assert stat.S_IMODE(word.stat().st_mode) == 0o600
    trust = str(demo.data / "release-keys" / "trust.json")
    words = ("node", "provision", "pk-sl-017", "--kind", "streetlight", "--trust", trust)
    words += ("--token-file", str(word))
    demo.cityfleet(*words, "--out", str(out))
    config = json.loads((out / "config.json").read_text())
    assert (config["latitude_udeg"], config["longitude_udeg"]) == (13_980_000, 108_000_000)
    assert stat.S_IMODE((out / "identity" / "key.der").stat().st_mode) == 0o600
    assert "--replace" in demo.fails(*words, "--out", str(out))
    other = demo.folder / "other"
    assert "token" in demo.fails(*words, "--out", str(other))
    assert not other.exists()
    (node,) = demo.asks("nodes", "list", "-q", "pk-sl-017")
    assert not node["online"]


def test_a_second_demo_in_the_same_folder_is_refused(demo: DemoProcess) -> None:
    assert "the demo runs already" in demo.fails("demo", "start")
    assert "the demo runs already" in demo.fails("demo", "reset")
    running = demo.asks("demo", "status")["processes"]
    assert sorted(running) == ["bench", "broker", "fleet server", "keeper"]


def test_ctrl_c_ends_everything_and_the_next_start_goes_on(demo: DemoProcess) -> None:
    demo.cityfleet("programs", "create", "Ở lại", "-s", "sunset=100", "-s", "sunrise=0")
    version = demo.asks("nodes", "show", "pk-sl-001")["app_version"]
    city_s = demo.asks("demo", "clock")["city_s"]
    port = json.loads((demo.data / "run" / "demo.json").read_text())["ports"]["broker"]
    assert demo.end(signal.SIGINT) == 0
    assert demo.processes() == {}
    assert "everything has ended; the data stay" in demo.said()
    assert "no demo runs here" in demo.fails("demo", "status")
    assert "nobody is logged in" in demo.fails("nodes", "list")
    # Somebody else takes the broker's port meanwhile: every node has to follow it elsewhere.
    with (
        socket.create_server(("127.0.0.1", port)),
        DemoProcess(demo.folder, speed=1) as again,
    ):
        again.wait_ready()
        assert "is taken; the broker uses" in again.said()
        assert "as at the first start" in again.said()
        clock = again.asks("demo", "clock")
        assert clock["city_s"] > city_s
        assert clock["speed"] == 1
        assert "Ở lại" in [item["name"] for item in again.asks("programs", "list")]
        assert again.asks("nodes", "show", "pk-sl-001")["app_version"] == version
        assert "password" in again.cityfleet("demo", "password")
        _kill_and_see_all_gone(again)
        _a_process_that_dies_is_named(again.folder)
    assert "deleted" in demo.cityfleet("demo", "reset")
    assert not demo.data.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_start_that_is_cut_off_leaves_no_process_and_the_next_one_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    """SIGHUP is what a closed terminal sends."""
    with DemoProcess(tmp_path) as demo:
        wait_for(lambda: "broker on port" in demo.said(), "the half of a start")
        assert demo.end(number) == 0
        assert demo.processes() == {}
    if number is signal.SIGHUP:
        with DemoProcess(tmp_path) as again:
            again.wait_ready()
            # The first login was never shown, so it is shown now.
            assert "user admin, password " in again.said()


def _kill_and_see_all_gone(demo: DemoProcess) -> None:
    """The power of SIGKILL: the demo cannot end anything, its keeper does."""
    assert len(demo.processes()) > 40
    os.kill(demo.pid, signal.SIGKILL)
    wait_for(lambda: demo.processes() == {}, "the keeper to end everything")


def _a_process_that_dies_is_named(folder: Path) -> None:
    with DemoProcess(folder) as demo:
        demo.wait_ready()
        os.kill(demo.asks("demo", "status")["processes"]["fleet server"], signal.SIGKILL)
        assert demo.wait_end() == 2
        assert demo.processes() == {}
        assert "the fleet server has ended by itself: killed by signal 9" in demo.said()
        assert "fleet-server.log" in demo.said()
