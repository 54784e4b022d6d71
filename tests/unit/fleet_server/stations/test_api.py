"""The rules of greenhouses over the real application: units, refusals, and what nodes get."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fleet_server.errors import InvalidError
from fleet_server.registry.models import NodeGroup, NodeGroupMember
from fleet_server.stations.rules import shown_rules, wire_rules
from protocols import messages, topics
from tests.support.fleet_bench import Bench

WATER: dict[str, Any] = {"measure": "soil_moisture_percent", "on": 25.0, "off": 32.5}


def put(bench: Bench, rules: Any, role: str = "operator", **whom: Any) -> tuple[int, Any]:
    whom = whom or {"node_ids": ["gh-1"]}
    return bench.request("PUT", "rules", role, json={"rules": rules, **whom})


@pytest.fixture
def house(bench: Bench) -> Bench:
    bench.add_node("gh-1", "greenhouse")
    bench.add_node("bin-1", "smart_bin")
    bench.connect_all()
    return bench


def test_rules_reach_the_greenhouse_scaled_and_are_shown_in_units(house: Bench) -> None:
    limit = ["air_temperature_c", 5, None]
    status, answer = put(house, {"irrigation": WATER | {"limits": [limit]}})
    assert status == 200
    house.settle()
    told = house.nodes["gh-1"].document["rules"]["irrigation"]
    assert (told["on"], told["off"], told["limits"]) == (
        250,
        325,
        [["air_temperature_c", 50, None]],
    )
    assert told["most_on_s"] == 3600
    assert told["excludes"] == ["vent_motor"]
    command = house.get(f"commands/{answer['command_id']}")
    assert [target["state"] for target in command["targets"]] == ["reached"]
    shown = house.get("nodes/gh-1/rules")
    assert shown["rules"]["irrigation"]["off"] == 32.5
    assert shown["rules"]["irrigation"]["limits"] == [["air_temperature_c", 5.0, None]]
    assert {"name": "co2_ppm", "unit": "ppm", "low": 0.0, "high": 40000.0, "step": 1.0} in (
        shown["choices"]["measures"]
    )


def test_without_rules_the_document_has_no_such_key(house: Bench) -> None:
    put(house, {"irrigation": WATER})
    put(house, {})
    house.settle()
    # Older applications refuse a key that they do not know.
    assert "rules" not in house.nodes["gh-1"].document
    data = house.broker.retained[topics.down("gh-1", "desired")]
    assert "rules" not in messages.decode_desired(data)[1]


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"roof": WATER}, "roof"),
        ({"irrigation": 3}, "irrigation"),
        ({"irrigation": WATER | {"measure": "faults"}}, "irrigation.measure"),
        ({"irrigation": WATER | {"on": "25"}}, "irrigation.on"),
        ({"irrigation": WATER | {"on": True}}, "irrigation.on"),
        ({"irrigation": WATER | {"off": 100.1}}, "irrigation.off"),
        ({"irrigation": WATER | {"off": 25.02}}, "irrigation"),
        ({"irrigation": WATER | {"min_on_s": 1.5}}, "irrigation"),
        ({"irrigation": WATER | {"excludes": ["irrigation"]}}, "irrigation"),
        ({"irrigation": WATER | {"limits": [["co2_ppm", 1]]}}, "irrigation.limits"),
        ({"irrigation": WATER | {"limits": [["roof", 1, 2]]}}, "irrigation.limits"),
        ({"irrigation": WATER | {"limits": 7}}, "irrigation"),
        ({"irrigation": WATER | {"hours": [0]}}, "irrigation"),
        ({"irrigation": WATER | {"colour": 1}}, "irrigation"),
        ({"irrigation": {"measure": "co2_ppm", "on": 1}}, "irrigation.off"),
    ],
)
def test_rules_that_no_node_would_follow_are_refused_with_their_place(
    house: Bench, rules: Any, field: str
) -> None:
    status, answer = put(house, rules)
    assert (status, answer["error"]["field"]) == (422, field)
    assert house.get("nodes/gh-1/rules")["version"] == 0


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_infinity_is_no_number(value: float) -> None:
    with pytest.raises(InvalidError) as refused:
        wire_rules({"fan": {"measure": "co2_ppm", "on": value, "off": 1}})
    assert refused.value.field == "fan.on"


def test_only_greenhouses_have_rules(house: Bench) -> None:
    assert put(house, {}, node_ids=["bin-1"])[0] == 422
    assert put(house, {}, node_ids=["nobody"])[0] == 404
    assert put(house, {}, node_ids=[])[0] == 422
    assert put(house, {}, node_ids=["gh-1"], group_id="x")[0] == 422
    assert house.request("GET", "nodes/bin-1/rules", "viewer")[0] == 422
    assert put(house, {}, role="viewer")[0] == 403


def test_a_group_gives_its_greenhouses_the_rules(house: Bench) -> None:
    with house.database.write() as session:
        session.add(NodeGroup(id="farm", name="Farm"))
        session.flush()
        for node_id in ("gh-1", "bin-1"):
            session.add(NodeGroupMember(group_id="farm", node_id=node_id))
    status, answer = put(house, {"irrigation": WATER}, group_id="farm")
    assert status == 200
    command = house.get(f"commands/{answer['command_id']}")
    assert [target["node_id"] for target in command["targets"]] == ["gh-1"]


def test_units_come_back_as_they_were_given() -> None:
    vpd = {"measure": "vapour_pressure_deficit_kpa", "on": 1.25, "off": 0.8}
    assert shown_rules(wire_rules({"fan": vpd}))["fan"]["on"] == 1.25
