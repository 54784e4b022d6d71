"""Stories of a control cabinet: the real firmware on a virtual board, a real broker."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from protocols import messages
from protocols.fields import CONTROL_CABINET, fault_names, named
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node, power
from tests.unit.firmware.lab.servers import Heard, Server

pytestmark = pytest.mark.sockets

NAME = "t-node"
# 2026-11-21, 22:00 in Pleiku: night. And noon of the day after.
NIGHT_S = 1795273200
NOON_S = 1795323600
ALL = 0b111


def values(message: Heard) -> dict[str, Any]:
    """A report's values by name; nothing for other messages."""
    if message.channel != "report":
        return {}
    found: dict[str, Any] = named(message.parts[0], message.parts[4])
    found["fault_names"] = fault_names(message.parts[0], found["faults"])
    return found


def wait_report(server: Server, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next report of which this is true; the reports before it are forgotten."""
    found = server.wait(lambda message: bool(values(message)) and fits(values(message)))
    newer = server.heard[server.heard.index(found) + 1 :]
    server.heard[:] = [each for each in server.heard if each.channel != "report" or each in newer]
    return values(found)


def wait_faults(server: Server, *names: str) -> dict[str, Any]:
    """The first report with exactly these faults."""
    return wait_report(server, lambda found: found["fault_names"] == list(names))


def change_board(node: Node, part: str, **settings: Any) -> None:
    """Change a part of board.json; None takes a setting out."""
    path = node.folder / "board.json"
    board: dict[str, Any] = json.loads(path.read_text())
    merged = {**board["parts"][part], **settings}
    board["parts"][part] = {key: value for key, value in merged.items() if value is not None}
    path.write_text(json.dumps(board))


def said(server: Server, code: int) -> list[Any]:
    """The faults named by the events of this code since the server last forgot."""
    return [heard.parts[5]["fault"] for heard in server.heard if heard.code == code]


def test_a_cabinet_lights_its_feeders_at_night_and_measures_them(lab: Lab) -> None:
    node = lab.new_node("control_cabinet")
    node.at(NIGHT_S)
    with power(node):
        assert lab.server.event(messages.BOOTED)["mains"] is True
        lit = wait_report(lab.server, lambda found: (found["power_w"] or 0) > 4000)
        assert lit["feeders_on"] == lit["contactors_closed"] == ALL
        assert lit["power_w"] == pytest.approx(4500, abs=10)
        for phase in (1, 2, 3):
            assert lit[f"voltage_l{phase}_v"] == pytest.approx(230, abs=8)
            assert lit[f"current_l{phase}_a"] == pytest.approx(7, abs=0.4)
        assert (lit["breakers_tripped"], lit["door_open"], lit["faults"]) == (0, 0, 0)


def test_a_cabinet_follows_its_calendar_with_the_server_away(lab: Lab) -> None:
    calendar = {
        "programs": [[[0, 1200, 100, 0], [0, 1332, 0, 0], [0, 1344, 40, 0]]],
        "rules": [[0, 127, None, None]],
        "utc_offset_min": 420,
    }
    node = lab.new_node("control_cabinet")
    # From 22:00 on a minute of the program is 0.3 seconds.
    node.at(NIGHT_S, speed=200)
    node.word["line_fd"] = 1
    # Every third lamp hangs on a feeder that burns only in the evening.
    change_board(node, "feeder_3", on_from_percent=50)
    with power(node):
        lab.server.desire(NAME, 4, {"calendar": calendar})
        lab.server.state(lambda version, facts: version == 4 and facts["error"] is None)
        lab.broker.stop()
        deadline = time.monotonic() + 30
        # Lit at 22:00, dark from 22:12, lit again from 22:24 but for the saving.
        wanted = [
            '"feeders": ["feeder_1", "feeder_2", "feeder_3"]',
            '"feeders": []',
            '"feeders": ["feeder_1", "feeder_2"]',
        ]
        at = 0
        for words in wanted:
            while (found := node.log().find(words, at)) < 0:
                assert time.monotonic() < deadline, node.log()
                time.sleep(0.02)
            at = found + len(words)
        lab.server.forget()
        lab.broker.start()
        # What it did alone it tells once the server is back: what waited comes in batches.
        batch = lab.server.wait(lambda message: message.channel == "batch").parts[3]
        alone = [named(CONTROL_CABINET, row) for _, row in batch]
        assert [row["contactors_closed"] for row in alone if row["feeders_on"] == 0]
        again = wait_report(lab.server, lambda found: found["contactors_closed"] == 0b011)
        assert (again["feeders_on"], again["desired_version"]) == (0b011, 4)


def test_a_welded_contactor_is_named(lab: Lab) -> None:
    node = lab.new_node("control_cabinet", report_s=3600)
    node.at(NIGHT_S)
    with power(node):
        wait_report(lab.server, lambda found: found["contactors_closed"] == ALL)
        node.set("sensor_fault", {"part": "feeder_2", "fault": "welded"})
        off = {"level": 0, "from_s": NIGHT_S - 60, "until_s": NIGHT_S + 7200}
        lab.server.desire(NAME, 2, {"override": off})
        welded = wait_faults(lab.server, "contactor_welded")
        assert welded["feeders_on"] == 0
        assert welded["contactors_closed"] == 0b010
        assert welded["power_w"] == pytest.approx(1500, abs=10)
        node.set("sensor_fault", None)
        wait_faults(lab.server)
        assert said(lab.server, messages.FAULT_OFF)[-1] == "contactor_welded"


def test_a_reset_does_not_blink_a_street_and_a_power_cut_leaves_nothing_closed(lab: Lab) -> None:
    node = lab.new_node("control_cabinet")
    node.at(NIGHT_S)
    node.word["line_fd"] = 1
    with power(node):
        wait_report(lab.server, lambda found: found["contactors_closed"] == ALL)
        said_before = len(node.log())
        # The watchdog, then a panic: what the coils' pads drive stays.
        for cause in (3, 2):
            node.cut()
            lab.server.forget()
            node.start(cause)
            wait_report(lab.server, lambda found: found["power_w"] == pytest.approx(4500, abs=10))
        moved = [line for line in node.log()[said_before:].split("\n") if '"feeders"' in line]
        assert all("feeder_1" in line and "feeder_3" in line for line in moved), moved
        # At noon, after a power cut, they were never closed.
        node.cut()
        said_before = len(node.log())
        node.at(NOON_S)
        lab.server.forget()
        node.start()
        wait_report(lab.server, lambda found: found["power_w"] == 0)
        assert "feeder_1" not in node.log()[said_before:]


def test_a_server_that_switches_to_and_fro_does_not_chatter_the_contactors(lab: Lab) -> None:
    node = lab.new_node("control_cabinet")
    node.at(NIGHT_S)
    node.word["line_fd"] = 1
    with power(node):
        wait_report(lab.server, lambda found: found["contactors_closed"] == ALL)
        for version in range(1, 13):
            level = 100 * (version % 2)
            order = {"level": level, "from_s": NIGHT_S - 60, "until_s": NIGHT_S + 7200}
            lab.server.desire(NAME, version, {"override": order})
            time.sleep(0.1)
        lab.server.state(lambda version, _: version == 12)
        # The last order is off, and is followed once.
        wait_report(lab.server, lambda found: found["contactors_closed"] == 0)
        assert node.log().count('"feeders": []') <= 2


def test_a_cabinet_in_safe_mode_keeps_its_feeders_right(lab: Lab) -> None:
    node = lab.new_node("control_cabinet", good_run_s=60)
    node.at(NIGHT_S)
    # The door's driver raises at each start.
    change_board(node, "door", active=None)
    node.word["line_fd"] = 1
    with power(node):
        for _ in range(3):
            node.wait_reset()
        assert lab.server.event(messages.SAFE_MODE_ENTERED) == {"crashes": 3}
        safe = wait_report(lab.server, lambda found: found["contactors_closed"] == ALL)
        assert (safe["voltage_l1_v"], safe["door_open"]) == (None, None)


def test_a_tripped_breaker_an_open_door_and_the_hand_switch_are_named(lab: Lab) -> None:
    node = lab.new_node("control_cabinet", report_s=3600)
    node.at(NOON_S)
    with power(node):
        calm = wait_report(lab.server, lambda found: found["power_w"] is not None)
        assert (calm["feeders_on"], calm["contactors_closed"], calm["power_w"]) == (0, 0, 0)
        node.set("door", True)
        assert wait_faults(lab.server, "door_open")["door_open"] == 1
        node.set("sensor_fault", {"part": "feeder_3", "fault": "tripped"})
        tripped = wait_faults(lab.server, "door_open", "breaker_tripped")
        assert tripped["breakers_tripped"] == 0b100
        node.set("sensor_fault", None)
        # Somebody lights the street by hand at noon: told as that, and as no welded contact.
        node.set("hand_switch", True)
        by_hand = wait_faults(lab.server, "door_open", "local_override")
        assert (by_hand["feeders_on"], by_hand["contactors_closed"]) == (0, ALL)
        time.sleep(2.5)
        node.set("hand_switch", None)
        node.set("door", None)
        wait_faults(lab.server)
        known = ["door_open", "breaker_tripped", "local_override"]
        assert said(lab.server, messages.FAULT_ON) == known


def test_a_lost_phase_is_named_and_the_dead_meter_leaves_the_rest_working(lab: Lab) -> None:
    node = lab.new_node("control_cabinet", report_s=3600)
    node.at(NIGHT_S)
    with power(node):
        wait_report(lab.server, lambda found: found["contactors_closed"] == ALL)
        node.set("phase_2_v", 0)
        lost = wait_faults(lab.server, "phase_loss")
        assert lost["voltage_l2_v"] == 0
        assert lost["voltage_l1_v"] > 200
        node.set("phase_2_v", 190)
        wait_faults(lab.server, "voltage_too_low")
        node.set("phase_2_v", None)
        wait_faults(lab.server)
        node.set("sensor_fault", "meter")
        blind = wait_faults(lab.server, "meter_failure")
        assert blind["voltage_l1_v"] is None
        assert blind["energy_kwh"] is None
        # The feeders still obey, and a contactor that does not is still found out.
        node.set("door", True)
        off = {"level": 0, "from_s": NIGHT_S - 60, "until_s": NIGHT_S + 7200}
        lab.server.desire(NAME, 2, {"override": off})
        dark = wait_report(lab.server, lambda found: found["contactors_closed"] == 0)
        assert dark["feeders_on"] == 0
        assert dark["fault_names"] == ["door_open", "meter_failure"]


def test_a_cabinet_says_that_its_mains_is_gone_and_comes_back(lab: Lab) -> None:
    node = lab.new_node("control_cabinet", report_s=3600)
    node.at(NIGHT_S)
    with power(node):
        wait_report(lab.server, lambda found: (found["power_w"] or 0) > 4000)
        node.tell(mains=False)
        gone_after = time.monotonic()
        lab.server.event(messages.LAST_GASP)
        assert time.monotonic() - gone_after < 1
        dark = wait_report(lab.server, lambda found: found["contactors_closed"] == 0)
        assert dark["fault_names"] == ["supply_loss"]
        node.tell(mains=True)
        lab.server.event(messages.MAINS_RESTORED)
        lit = wait_report(lab.server, lambda found: found["contactors_closed"] == ALL)
        assert lit["fault_names"] == []
        # Contactors that fell with the mains, and a meter that was dead, are no faults.
        assert said(lab.server, messages.FAULT_ON) == []


def test_a_cabinets_report_is_small() -> None:
    row = [2291, 2304, 2287, 702, 698, 711, 4512, 438211, 7, 7, 0, 0, -79, 0, 17]
    assert len(messages.encode_report(CONTROL_CABINET, 9, 70000, NIGHT_S, [*row])) <= 52
