"""Stories of one streetlight: the real firmware on a virtual board, a real broker."""

import json
import time
from collections.abc import Callable

import pytest

from protocols import messages, sun
from protocols.fields import STREETLIGHT, named
from protocols.limits import DOWN_BYTES
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import power
from tests.unit.firmware.lab.servers import Heard

pytestmark = pytest.mark.sockets

NAME = "t-node"
# 2026-11-21, 22:00 in Pleiku: night. And noon of the day after.
NIGHT_S = 1795273200
NOON_S = 1795323600


def level_is(level: int, version: int | None = None) -> Callable[[Heard], bool]:
    """A report of this level, under this version of the desired state."""

    def fits(message: Heard) -> bool:
        if message.channel != "report":
            return False
        values = named(STREETLIGHT, message.parts[4])
        good_version = version is None or values["desired_version"] == version
        return values["level_percent"] == level and good_version

    return fits


def override(level: int, from_s: int, until_s: int) -> dict[str, object]:
    """A desired document with an override."""
    return {"override": {"level": level, "from_s": from_s, "until_s": until_s}}


def test_a_new_lamp_reports_itself_and_burns_at_night(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    with power(node):
        booted = lab.server.event(messages.BOOTED)
        known = {"cause": "power_on", "app": "1.0.0", "counter": 1, "slot": "a"}
        assert booted == {**known, "mains": True}
        facts = lab.server.state(lambda version, _: version == 0)
        assert facts["error"] is None
        report = lab.server.wait(level_is(100))
        values = named(STREETLIGHT, report.parts[4])
        assert values["lamp_power_w"] == pytest.approx(100, abs=2)
        assert values["mains_voltage_v"] == pytest.approx(228, abs=9)
        assert values["faults"] == 0
        assert report.size <= 48


def test_a_lamp_is_right_before_anything_else_begins(lab: Lab) -> None:
    node = lab.new_node("streetlight", broker_port=9)
    node.at(NIGHT_S)
    # The lamp's own line to the bench goes into the log.
    node.word["line_fd"] = 1
    with power(node):
        deadline = time.monotonic() + 20
        while '"level": 100' not in node.log():
            assert time.monotonic() < deadline, node.log()
            time.sleep(0.01)
    # How long that takes is the bench's business; here, that it waits for nothing and nobody.
    assert "session" not in node.log().partition('"level": 100')[0]


def test_a_lamp_stays_dark_at_noon_through_boot(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(NOON_S)
    node.word["line_fd"] = 1
    with power(node):
        lab.server.wait(level_is(0))
        assert '"relay": 1' not in node.log()


def test_a_desired_calendar_is_followed_and_survives_a_power_cut(lab: Lab) -> None:
    calendar = {
        "programs": [[[0, 1200, 70, 0], [0, 1380, 30, 0]]],
        "rules": [[0, 127, None, None]],
        "utc_offset_min": 420,
    }
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(level_is(100))
        lab.server.desire(NAME, 7, {"calendar": calendar})
        lab.server.state(lambda version, facts: version == 7 and facts["error"] is None)
        lab.server.wait(level_is(70, 7))
        node.cut()
        # An hour and a half later: after 23:00 the program says 30.
        node.at(NIGHT_S + 5400)
        lab.server.forget()
        node.start()
        lab.server.wait(level_is(30, 7))


def test_an_override_survives_a_restart_and_ends_by_itself(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    with power(node):
        lab.server.desire(NAME, 3, override(25, NIGHT_S - 60, NIGHT_S + 600))
        lab.server.wait(level_is(25, 3))
        node.cut()
        node.at(NIGHT_S + 300)
        lab.server.forget()
        node.start()
        lab.server.wait(level_is(25, 3))
        assert not any(level_is(100)(heard) for heard in lab.server.heard)
        node.cut()
        # Two seconds before its end.
        node.at(NIGHT_S + 598)
        node.start()
        lab.server.wait(level_is(100, 3))


def test_a_lamp_goes_on_at_sunset_by_its_own_clock(lab: Lab) -> None:
    day = (NOON_S - sun.EPOCH_S) // 86400
    sunset_s = sun.rise_set(day, 13983000, 108000000)[1]
    assert sunset_s is not None
    node = lab.new_node("streetlight")
    node.at(sunset_s - 300, speed=60)
    with power(node):
        lab.server.wait(level_is(0))
        lit = lab.server.wait(level_is(100))
        assert 0 <= lit.parts[3] - sunset_s <= 120


def test_losing_the_mains_is_said_at_once_and_its_return_too(lab: Lab) -> None:
    node = lab.new_node("streetlight", report_s=3600)
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(level_is(100))
        time.sleep(0.5)
        began = time.monotonic()
        node.tell(mains=False)
        gasp = lab.server.wait(lambda message: message.code == messages.LAST_GASP)
        assert time.monotonic() - began < 0.2
        assert NIGHT_S <= gasp.parts[3] <= NIGHT_S + 60
        dark = lab.server.wait(lambda message: _mains_volts(message) == 0.0)
        assert named(STREETLIGHT, dark.parts[4])["lamp_power_w"] == 0
        node.tell(mains=True)
        lab.server.event(messages.MAINS_RESTORED)
        gasps = [heard for heard in lab.server.heard if heard.code == messages.LAST_GASP]
        assert len(gasps) == 1
        # And a second time on the same connection.
        lab.server.forget()
        node.tell(mains=False)
        lab.server.event(messages.LAST_GASP)


def _mains_volts(message: Heard) -> float | None:
    if message.channel != "report":
        return None
    return named(STREETLIGHT, message.parts[4])["mains_voltage_v"]


def test_a_power_cut_without_a_gasp_is_told_by_the_last_will(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(level_is(100))
        node.cut()
        lab.server.event(messages.OFFLINE)


def test_reports_wait_for_the_broker_and_each_arrives_once(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(level_is(100))
        lab.broker.stop()
        time.sleep(5)
        lab.broker.start()
        batch = lab.server.wait(lambda message: message.channel == "batch", 30)
        assert len(batch.parts[3]) >= 2
        time.sleep(2)
        seqs = sorted(_report_seqs(lab.server.heard))
        assert len(seqs) == len(set(seqs))
        others = {heard.parts[2] for heard in lab.server.heard if heard.channel != "report"}
        missing = set(range(seqs[0], seqs[-1])) - set(seqs) - others
        # Numbers that only a last will or an unused last gasp holds never arrive.
        assert len(missing) <= 4, missing


def _report_seqs(heard: list[Heard]) -> list[int]:
    seqs: list[int] = []
    for message in heard:
        if message.channel == "report":
            seqs.append(message.parts[2])
        elif message.channel == "batch":
            seqs.extend(range(message.parts[2], message.parts[2] + len(message.parts[3])))
    return seqs


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xff\x00garbage", "malformed"),
        (b"\x83\x01", "truncated"),
        (b"\x83\x09\x07\xa0", "wrong_version"),
        (messages.encode_desired(9, {"calendar": {"programs": 3}}), "malformed"),
        (bytes(DOWN_BYTES + 1), "oversized"),
        (bytes(DOWN_BYTES * 3), "oversized"),
    ],
)
def test_garbage_leaves_the_last_good_state(lab: Lab, payload: bytes, reason: str) -> None:
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    with power(node):
        lab.server.desire(NAME, 5, override(45, NIGHT_S - 60, NIGHT_S + 3600))
        lab.server.wait(level_is(45, 5))
        lab.server.publish(NAME, "desired", payload, retain=True)
        assert lab.server.event(messages.DESIRED_REFUSED)["reason"] == reason
        lab.server.state(lambda v, facts: v == 5 and facts["error"] == f"desired_{reason}")
        lab.server.forget()
        lab.server.wait(level_is(45, 5))
        lab.server.desire(NAME, 10, {})
        facts = lab.server.state(lambda version, _: version == 10)
        assert facts["error"] is None
        assert node.is_running()


def test_a_broken_lamp_and_a_silent_meter_are_named(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    with power(node):
        lab.server.wait(level_is(100))
        node.set("lamp", "broken")
        assert lab.server.event(messages.FAULT_ON) == {"fault": "lamp_failure"}
        node.set("lamp", None)
        assert lab.server.event(messages.FAULT_OFF) == {"fault": "lamp_failure"}
        lab.server.forget()
        node.set("sensor_fault", "meter")
        assert lab.server.event(messages.FAULT_ON) == {"fault": "meter_failure"}
        silent = lab.server.wait(lambda m: m.channel == "report" and _mains_volts(m) is None)
        assert named(STREETLIGHT, silent.parts[4])["level_percent"] == 100


def test_damaged_files_are_named_and_do_not_stop_the_lamp(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(NIGHT_S)
    with power(node):
        lab.server.desire(NAME, 5, override(45, NIGHT_S - 60, NIGHT_S + 3600))
        lab.server.wait(level_is(45, 5))
    node.damage("state/desired.cbor")
    (node.folder / "config.json").write_text('{"node": "t-no')
    lab.server.forget()
    with power(node):
        facts = lab.server.state(lambda version, _: version == 5)
        assert facts["error"] == "desired_damaged"
        lab.server.wait(level_is(45, 5))
        # Among what the first boot had not heard acknowledged, the second's own.
        lab.server.wait(lambda message: message.code == messages.BOOTED and message.parts[1] == 2)
    node.damage("state/desired.cbor", twin=True)
    (node.folder / "slots.json").write_text("{")
    lab.server.forget()
    with power(node):
        # The retained message brings the lost state back.
        lab.server.state(lambda version, _: version == 5)
        lab.server.wait(level_is(45, 5))
    assert json.loads((node.folder / "slots.json").read_text())["active"] == "a"


def test_energy_and_burn_hours_survive_the_mains(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    # An hour of night in six seconds.
    node.at(NIGHT_S, speed=600)
    with power(node):
        burnt = lab.server.wait(lambda message: _energy(message) >= 0.1, 30)
        node.tell(mains=False)
        lab.server.event(messages.LAST_GASP)
        time.sleep(1.5)
    before = _energy(burnt)
    lab.server.forget()
    node.at(NIGHT_S + 3 * 3600, speed=1)
    with power(node):
        again = lab.server.wait(lambda message: _energy(message) >= 0.0)
        assert _energy(again) >= before
        assert named(STREETLIGHT, again.parts[4])["burn_hours_h"] is not None


def _energy(message: Heard) -> float:
    if message.channel != "report":
        return -1.0
    return named(STREETLIGHT, message.parts[4])["energy_kwh"] or 0.0
