"""Stories of a greenhouse that looks after itself: the real firmware, and what its outputs do."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from protocols import messages
from protocols.codec import encode
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node, power
from tests.unit.firmware.lab.reports import all_rows, wait_row

pytestmark = pytest.mark.sockets

MORNING_S = 1795312800  # 2026-11-22, 09:00 in Da Lat
VENT, IRRIGATION, LAMP = 1, 2, 8
WATER: dict[str, Any] = {
    "measure": "soil_moisture_percent", "on": 250, "off": 320, "min_on_s": 30, "min_off_s": 30,
    "most_on_s": 7200, "hours": None, "excludes": ["vent_motor"], "limits": [], "fail_safe": 0,
}  # fmt: skip
AIR: dict[str, Any] = WATER | {
    "measure": "air_temperature_c", "on": 280, "off": 250, "most_on_s": None, "excludes": [],
    "fail_safe": 1,
}  # fmt: skip


def house(lab: Lab, speed: float, **rules: dict[str, Any]) -> Node:
    """A greenhouse at a comfortable temperature; its rules wait for it at the broker."""
    node = lab.new_node("greenhouse")
    node.at(MORNING_S, speed)
    node.word["set"] = {"air_c": 20, "soil_moisture": 40}
    lab.server.desire(node.name, 1, {"rules": rules})
    return node


def test_a_vent_follows_its_band_while_the_broker_is_away(lab: Lab) -> None:
    with power(house(lab, 120, vent=AIR)) as node:
        wait_row(lab.server, desired_version=1, vent_percent=0, air_temperature_c=(19, 21))
        lab.broker.stop()
        node.set("air_c", 31)
        time.sleep(4)
        node.set("air_c", 20)
        time.sleep(3)
        lab.broker.start()
        wait_row(lab.server, vent_percent=100, outputs=VENT)
        rows = all_rows(lab.server.heard)
        opened = [row["vent_percent"] for row in rows]
        assert opened[0] == 0 and max(opened) == 100
        warm = [row for row in rows if row["outputs"] & VENT]
        assert min(row["air_temperature_c"] for row in warm[:1]) > 27
        wait_row(lab.server, vent_percent=0, air_temperature_c=(19, 21), outputs=0)


def test_dry_soil_is_watered_until_it_is_moist(lab: Lab) -> None:
    with power(house(lab, 300, irrigation=WATER)) as node:
        wait_row(lab.server, soil_moisture_percent=(39, 41), outputs=0, desired_version=1)
        node.set("soil_moisture", 22)
        wait_row(lab.server, outputs=IRRIGATION)
        node.set("soil_moisture", None)
        lab.server.forget()
        moist = wait_row(lab.server, outputs=0)
        # A step of half a second is some minutes of this clock.
        assert 31 <= moist["soil_moisture_percent"] <= 45
        assert moist["irrigation_today_s"] > 0
        assert moist["soil_conductivity_ms_per_cm"] == pytest.approx(
            38 / (10 + moist["soil_moisture_percent"]), abs=0.1
        )


def test_a_dead_soil_probe_closes_the_valve_and_the_vent_goes_on(lab: Lab) -> None:
    with power(house(lab, 60, vent=AIR, irrigation=WATER)) as node:
        wait_row(lab.server, soil_moisture_percent=(39, 41), desired_version=1)
        node.set("soil_moisture", 10)
        wait_row(lab.server, outputs=IRRIGATION)
        node.set("sensor_fault", {"part": "soil", "fault": "exception"})
        lost = {"output": "irrigation", "reason": "fail_safe", "on": False}
        told = lab.server.wait(
            lambda message: message.code == messages.OUTPUT_FORCED and not message.parts[5]["on"]
        )
        assert told.parts[5] == lost
        assert lab.server.event(messages.FAULT_ON) == {"fault": "soil_sensor_failure"}
        blind = wait_row(lab.server, soil_moisture_percent=None, outputs=0)
        assert blind["air_temperature_c"] == pytest.approx(20, abs=0.5)
        node.set("air_c", 33)
        wait_row(lab.server, vent_percent=100)
        lab.server.forget()
        node.set("sensor_fault", None)
        back = lab.server.event(messages.OUTPUT_FORCED)
        assert (back["output"], back["reason"]) == ("irrigation", "band")
        wait_row(lab.server, outputs=VENT | IRRIGATION)


def test_a_dead_air_sensor_opens_the_vent(lab: Lab) -> None:
    with power(house(lab, 60, vent=AIR)) as node:
        wait_row(lab.server, desired_version=1, vent_percent=0)
        node.set("sensor_fault", {"part": "air", "fault": "crc"})
        assert lab.server.event(messages.OUTPUT_FORCED)["reason"] == "fail_safe"
        assert wait_row(lab.server, vent_percent=100)["fault_names"] == ["air_sensor_failure"]


def test_a_jammed_vent_is_named(lab: Lab) -> None:
    with power(house(lab, 60, vent=AIR)) as node:
        wait_row(lab.server, desired_version=1, vent_percent=0)
        node.set("sensor_fault", {"part": "vent_motor", "fault": "stuck"})
        node.set("air_c", 33)
        assert lab.server.event(messages.FAULT_ON) == {"fault": "vent_failure"}


def test_the_days_water_is_spent_once_whatever_happens_to_the_power(lab: Lab) -> None:
    thirsty = WATER | {"most_on_s": 1800}
    node = house(lab, 300, irrigation=thirsty)
    node.word["set"]["soil_moisture"] = 10
    with power(node):
        before = wait_row(lab.server, outputs=IRRIGATION, irrigation_today_s=(300, 1800))
    lab.server.forget()
    with power(node):
        after = wait_row(lab.server, boot=2)
        assert after["irrigation_today_s"] >= before["irrigation_today_s"]
        spent = lab.server.event(messages.OUTPUT_FORCED)
        assert spent == {"output": "irrigation", "reason": "daily_limit", "on": False}
        dry = wait_row(lab.server, outputs=0, irrigation_today_s=(1800, 2400))
    lab.server.forget()
    with power(node):
        again = lab.server.event(messages.OUTPUT_FORCED)
        assert again["reason"] == "daily_limit"
        wait_row(lab.server, boot=3)
        rows = [row for row in all_rows(lab.server.heard) if row["boot"] == 3]
        assert all(row["outputs"] == 0 for row in rows)
        assert rows[-1]["irrigation_today_s"] >= dry["irrigation_today_s"]


def test_malformed_rules_leave_the_last_good_ones_in_force(lab: Lab) -> None:
    node = house(lab, 60, vent=AIR)
    with power(node):
        wait_row(lab.server, desired_version=1, vent_percent=0)
        bad = {"rules": {"vent": AIR | {"off": 280}}}
        lab.server.publish(node.name, "desired", encode([1, 2, bad]), retain=True)
        refused = lab.server.event(messages.DESIRED_REFUSED)
        assert (refused["version"], refused["reason"]) == (2, "out_of_range")
        assert "vent" in refused["detail"]
        assert lab.server.state(lambda version, facts: facts["error"] is not None)["error"] == (
            "desired_out_of_range"
        )
        node.set("air_c", 33)
        wait_row(lab.server, vent_percent=100, outputs=VENT)
    lab.server.forget()
    # The reboot finds the vent open and leaves it so; the bad document comes again.
    node.word["set"] = {"air_c": 33, "soil_moisture": 40, "vent": 100}
    with power(node):
        lab.server.event(messages.DESIRED_REFUSED)
        wait_row(lab.server, boot=2, outputs=VENT)
        rows = [row for row in all_rows(lab.server.heard) if row["boot"] == 2]
        assert {row["vent_percent"] for row in rows} == {100}


def test_rules_for_an_output_that_the_board_lacks_are_named(lab: Lab) -> None:
    node = house(lab, 60, vent=AIR, lamp=AIR)
    path: Path = node.folder / "board.json"
    board = json.loads(path.read_text())
    del board["parts"]["lamp"]
    path.write_text(json.dumps(board))
    with power(node):
        facts = lab.server.state(lambda version, facts: facts["error"] is not None)
        assert facts["error"] == "rules_output_missing"
        node.set("air_c", 33)
        wait_row(lab.server, outputs=VENT)


def test_an_open_door_turns_the_lamp_off_at_once(lab: Lab) -> None:
    lamp = AIR | {"on": 100, "off": 50, "excludes": ["door"], "min_on_s": 600, "min_off_s": 0}
    with power(house(lab, 60, lamp=lamp)) as node:
        wait_row(lab.server, outputs=LAMP)
        lab.server.forget()
        node.set("door", True)
        wait_row(lab.server, outputs=0, desired_version=1, air_temperature_c=(19, 21))
        lab.server.forget()
        node.set("door", None)
        wait_row(lab.server, outputs=LAMP)


def test_without_rules_nothing_is_on(lab: Lab) -> None:
    node = house(lab, 60)
    node.word["set"] = {"air_c": 45, "soil_moisture": 3}
    with power(node):
        row = wait_row(lab.server, desired_version=1, soil_moisture_percent=(2, 4))
        assert (row["outputs"], row["vent_percent"]) == (0, 0)
