"""Stories of bins, greenhouses and gauges: the real firmware on a virtual board."""

import time
from pathlib import Path
from typing import Any

import pytest

from protocols import messages
from protocols.fields import fault_names, named
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node, power
from tests.unit.firmware.lab.servers import Heard, Server

pytestmark = pytest.mark.sockets

MORNING_S = 1795312800  # 2026-11-22, 09:00 in Da Lat


def values(message: Heard) -> dict[str, Any]:
    """A report's values by name; nothing for other messages."""
    if message.channel != "report":
        return {}
    found: dict[str, Any] = named(message.parts[0], message.parts[4])
    found["fault_names"] = fault_names(message.parts[0], found["faults"])
    return found


def wait_value(server: Server, name: str, low: float, high: float) -> dict[str, Any]:
    """The first report whose value lies between two bounds."""

    def fits(message: Heard) -> bool:
        value = values(message).get(name)
        return value is not None and low <= value <= high

    return values(server.wait(fits, 30))


def test_a_bin_tells_its_fill_and_that_it_was_emptied(lab: Lab) -> None:
    node = lab.new_node("smart_bin")
    node.word["set"] = {"fill": 80}
    with power(node):
        full = wait_value(lab.server, "fill_percent", 77, 83)
        assert full["pickups"] == 0
        time.sleep(2.5)
        node.set("fill", 5)
        emptied = wait_value(lab.server, "pickups", 1, 1)
        assert emptied["fill_percent"] <= 10


def test_a_fire_in_a_bin_is_said_at_once(lab: Lab) -> None:
    node = lab.new_node("smart_bin", report_s=3600)
    with power(node):
        wait_value(lab.server, "temperature_c", 10, 40)
        began = time.monotonic()
        node.set("fire", True)
        assert lab.server.event(messages.FAULT_ON) == {"fault": "fire"}
        burning = wait_value(lab.server, "temperature_c", 100, 300)
        assert time.monotonic() - began < 4
        assert "fire" in burning["fault_names"]


def test_a_fallen_bin_and_a_flat_battery_are_named(lab: Lab) -> None:
    node = lab.new_node("smart_bin", report_s=3600)
    with power(node):
        wait_value(lab.server, "tilt_deg", 0, 5)
        node.set("tilt", 85)
        assert lab.server.event(messages.FAULT_ON) == {"fault": "tilt"}
        lab.server.forget()
        node.set("battery", 3.2)
        assert lab.server.event(messages.FAULT_ON) == {"fault": "low_battery"}
        lab.server.forget()
        node.set("battery", 3.9)
        node.set("tilt", None)
        gone = {lab.server.event(messages.FAULT_OFF)["fault"]}
        time.sleep(3)
        gone |= {h.parts[5]["fault"] for h in lab.server.heard if h.code == messages.FAULT_OFF}
        assert gone == {"tilt", "low_battery"}


def test_a_dead_fill_sensor_leaves_the_others_working(lab: Lab) -> None:
    node = lab.new_node("smart_bin")
    with power(node):
        wait_value(lab.server, "distance_m", 0.2, 2)
        node.set("sensor_fault", "fill")
        assert lab.server.event(messages.FAULT_ON) == {"fault": "fill_sensor_failure"}
        lab.server.forget()
        report = values(lab.server.wait(lambda message: message.channel == "report"))
        assert report["fill_percent"] is None
        assert report["battery_v"] is not None


def _station(lab: Lab, kind: str, folder: Path, speed: float = 1) -> Node:
    node = lab.new_node(kind)
    node.at(MORNING_S, speed)
    node.replay(folder)
    return node


def test_a_greenhouse_reports_its_climate(lab: Lab, tmp_path: Path) -> None:
    with power(_station(lab, "greenhouse", tmp_path)) as node:
        report = wait_value(lab.server, "co2_ppm", 300, 1500)
        assert 5 <= report["air_temperature_c"] <= 40
        assert 30 <= report["relative_humidity_percent"] <= 100
        assert 0 < report["vapour_pressure_deficit_kpa"] < 3
        assert 5 <= report["leaf_temperature_c"] <= 40
        assert report["faults"] == 0
        node.set("sensor_fault", {"part": "air", "fault": "crc"})
        assert lab.server.event(messages.FAULT_ON) == {"fault": "air_sensor_failure"}
        lab.server.forget()
        blind = values(lab.server.wait(lambda message: message.channel == "report"))
        assert blind["air_temperature_c"] is None
        assert blind["vapour_pressure_deficit_kpa"] is None
        assert blind["illuminance_lx"] is not None


def test_a_gauge_follows_the_river_and_raises_its_alarm_levels(lab: Lab, tmp_path: Path) -> None:
    with power(_station(lab, "reservoir", tmp_path, speed=600)) as node:
        calm = wait_value(lab.server, "level_m", 5, 7)
        assert calm["loop_current_ma"] == pytest.approx(4 + calm["level_m"] * 1.6, abs=0.1)
        for level_m, alarm in ((6.2, 1), (7.4, 2), (8.1, 3), (7.98, 3), (5.5, 0)):
            node.set("level_m", level_m)
            found = wait_value(lab.server, "level_m", level_m - 0.01, level_m + 0.01)
            assert found["flood_alarm_level"] == alarm
            lab.server.forget()


def test_a_broken_loop_is_named(lab: Lab, tmp_path: Path) -> None:
    with power(_station(lab, "reservoir", tmp_path)) as node:
        calm = wait_value(lab.server, "level_m", 5, 7)
        node.set("sensor_fault", {"part": "level", "fault": "open"})
        assert lab.server.event(messages.FAULT_ON) == {"fault": "level_sensor_failure"}
        lab.server.forget()
        open_loop = values(lab.server.wait(lambda message: message.channel == "report"))
        assert open_loop["loop_current_ma"] == 0
        # The radar goes on.
        assert open_loop["level_m"] == pytest.approx(calm["level_m"], abs=0.02)
        node.set("sensor_fault", {"part": "level", "fault": "short"})
        lab.server.forget()
        wait_value(lab.server, "loop_current_ma", 21.9, 22.1)


def test_rain_is_counted(lab: Lab, tmp_path: Path) -> None:
    with power(_station(lab, "reservoir", tmp_path, speed=60)) as node:
        wait_value(lab.server, "rain_mm", 0, 0)
        # 60 mm an hour is a millimetre a minute, which is a second of this clock.
        node.set("rain_mm_per_h", 60)
        wet = wait_value(lab.server, "rain_mm", 3, 100)
        assert wet["level_m"] is not None
