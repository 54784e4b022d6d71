"""Alarms over the real application: from stored messages to the desk, through restarts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fleet_bench import Bench

FEEDER = [f"hv-{number}" for number in (1, 2, 3, 4)]
OTHER = [f"thd-{number}" for number in (1, 2, 3, 4)]
# The bench confirms after 5 s and clears after 3 s.
CONFIRM_S, HOLD_S = 5, 3


def alarms(bench: Bench, state: str = "active") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bench.get(f"alarms?state={state}")["alarms"]
    return found


def cut(bench: Bench, nodes: list[str], *, gasps: int = 100) -> None:
    """Last gasps, then last wills some seconds later."""
    said = [bench.nodes[node].last_gasp(bench.city_s) for node in nodes[:gasps]]
    bench.deliver(*said)
    bench.pass_time(2)
    bench.deliver(*(bench.nodes[node].last_will(bench.city_s) for node in nodes))


def restore(bench: Bench, nodes: list[str]) -> None:
    for name in nodes:
        bench.nodes[name].reboot()
        bench.deliver(*bench.nodes[name].connect(bench.city_s))


def test_one_alarm_names_the_feeder_and_counts_its_lamps(bench: Bench) -> None:
    cut(bench, FEEDER)
    bench.pass_time(CONFIRM_S - 3)
    assert alarms(bench) == []
    bench.pass_time(2)
    (alarm,) = alarms(bench)
    assert (alarm["cause"], alarm["object_kind"], alarm["object_id"]) == (
        "feeder_outage",
        "feeder",
        "hv",
    )
    assert (alarm["count"], alarm["total"], alarm["object_name"]) == (4, 4, "HV")
    assert alarm["title"]["cabinet"] == "PK"
    assert alarm["evidence"] == {"last_gasps": 4, "dark": 4, "silent": 0, "powered": 0}
    assert [child["node_id"] for child in alarm["children"]] == FEEDER
    assert (alarm["state"], alarm["acknowledged"], alarm["priority"]) == ("active", False, "high")
    assert bench.hub.of("alarm")[-1]["id"] == alarm["id"]


def test_giving_the_mains_back_clears_it_after_the_hold(bench: Bench) -> None:
    cut(bench, FEEDER)
    bench.pass_time(CONFIRM_S)
    restore(bench, FEEDER[:3])
    bench.pass_time(HOLD_S + 1)
    (alarm,) = alarms(bench)
    assert (alarm["count"], alarm["total"]) == (1, 4)
    restore(bench, FEEDER[3:])
    bench.pass_time(HOLD_S - 1)
    assert len(alarms(bench)) == 1
    bench.pass_time(2)
    assert alarms(bench) == []
    (cleared,) = alarms(bench, "cleared")
    assert (cleared["id"], cleared["state"]) == (alarm["id"], "cleared")
    assert (cleared["count"], cleared["total"]) == (4, 4), "how bad it was"
    assert cleared["evidence"]["last_gasps"] == 4
    assert cleared["cleared_s"] - cleared["raised_s"] == (
        cleared["cleared_system_s"] - cleared["raised_system_s"]
    )


def test_a_lost_last_gasp_is_counted_by_its_silence(bench: Bench) -> None:
    cut(bench, FEEDER, gasps=3)
    bench.pass_time(CONFIRM_S)
    (alarm,) = alarms(bench)
    assert (alarm["count"], alarm["evidence"]["silent"]) == (4, 1)


def test_two_feeders_become_one_alarm_of_their_cabinet(bench: Bench) -> None:
    cut(bench, FEEDER)
    bench.pass_time(CONFIRM_S)
    (feeder,) = alarms(bench)
    bench.pass_time(60)
    cut(bench, OTHER)
    bench.pass_time(CONFIRM_S)
    (cabinet,) = alarms(bench)
    assert (cabinet["cause"], cabinet["object_id"]) == ("cabinet_outage", "pk")
    assert (cabinet["count"], cabinet["total"], cabinet["priority"]) == (8, 8, "critical")
    (ended,) = alarms(bench, "cleared")
    assert (ended["id"], ended["absorbed_into"]) == (feeder["id"], cabinet["id"])
    assert ended["acknowledged"], "nobody has to look at it any more"
    restore(bench, FEEDER + OTHER)
    bench.pass_time(HOLD_S + 1)
    assert alarms(bench) == []


def test_a_restart_in_the_middle_raises_nothing_twice_and_forgets_nothing(bench: Bench) -> None:
    cut(bench, FEEDER)
    bench.restart()
    bench.pass_time(CONFIRM_S)
    (alarm,) = alarms(bench)
    bench.restart()
    bench.pass_time(30)
    assert [item["id"] for item in alarms(bench)] == [alarm["id"]]
    restore(bench, FEEDER[:2])
    bench.restart()
    bench.pass_time(1)
    (alarm,) = alarms(bench)
    assert (alarm["count"], alarm["total"]) == (2, 4)
    restore(bench, FEEDER[2:])
    bench.restart()
    bench.pass_time(HOLD_S + 1)
    assert alarms(bench) == []
    assert len(alarms(bench, "all")) == 1


def test_silence_is_a_loss_of_communication_and_no_outage(bench: Bench) -> None:
    bench.deliver(*(bench.nodes[node].last_will(bench.city_s) for node in FEEDER))
    bench.pass_time(3 * CONFIRM_S - 1)
    assert alarms(bench) == []
    bench.pass_time(2)
    (alarm,) = alarms(bench)
    assert (alarm["cause"], alarm["object_id"]) == ("communication_loss", "hv")
    assert (alarm["count"], alarm["total"]) == (4, 4)
    bench.deliver(*(bench.nodes[node].report(bench.city_s) for node in FEEDER))
    bench.pass_time(HOLD_S + 1)
    assert alarms(bench) == []


def test_a_pause_of_our_own_link_alarms_nobody(bench: Bench) -> None:
    bench.workers.alarm_watch.hears = lambda: False
    bench.pass_time(2)
    bench.clock.machine_s += 2 * bench.settings.stale_s
    bench.pass_time(2)
    bench.workers.alarm_watch.hears = lambda: True
    bench.pass_time(2)
    bench.deliver(*(node.report(bench.city_s) for node in bench.nodes.values()))
    bench.pass_time(20)
    assert alarms(bench, "all") == []


def test_planned_switching_alarms_nobody_until_it_is_over(bench: Bench) -> None:
    body = {"object_kind": "feeder", "object_id": "hv", "minutes": 2, "reason": "bảo trì"}
    planned = bench.post("switchings", body)
    assert [item["id"] for item in bench.get("switchings")["switchings"]] == [planned["id"]]
    cut(bench, FEEDER)
    bench.pass_time(100)
    assert alarms(bench, "all") == []
    bench.pass_time(20 + CONFIRM_S + 10)
    (alarm,) = alarms(bench)
    assert (alarm["cause"], alarm["count"]) == ("feeder_outage", 4)
    assert bench.get("switchings")["switchings"] == []


def test_planned_switching_can_be_ended_early(bench: Bench) -> None:
    body = {"object_kind": "cabinet", "object_id": "pk", "minutes": 600, "reason": "bảo trì"}
    number = bench.post("switchings", body)["id"]
    cut(bench, FEEDER)
    bench.pass_time(20)
    assert bench.request("DELETE", f"switchings/{number}", "operator")[0] == 200
    bench.pass_time(CONFIRM_S + 1)
    assert len(alarms(bench)) == 1
    assert bench.request("DELETE", f"switchings/{number}", "operator")[0] == 404


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"object_kind": "planet"}, 422, "object_kind"),
        ({"object_id": "nowhere"}, 404, "object_id"),
        ({"minutes": 0}, 422, "minutes"),
        ({"minutes": 7 * 24 * 60 + 1}, 422, "minutes"),
        ({"reason": "  "}, 422, "reason"),
        ({"from_s": -1}, 422, "from_s"),
    ],
)
def test_wrong_planned_switching_is_named(
    bench: Bench, change: dict[str, Any], status: int, field: str
) -> None:
    body = {"object_kind": "feeder", "object_id": "hv", "minutes": 2, "reason": "x"} | change
    found = bench.request("POST", "switchings", "operator", json=body)
    assert (found[0], found[1]["error"]["field"]) == (status, field)


def test_acknowledging_keeps_who_when_and_why(bench: Bench) -> None:
    cut(bench, FEEDER)
    bench.pass_time(CONFIRM_S)
    (alarm,) = alarms(bench)
    path = f"alarms/{alarm['id']}/acknowledge"
    assert bench.request("POST", path, "viewer", json={})[0] == 403
    seen = bench.post(path, {"note": " đội sửa chữa đang đến "})
    assert (seen["acknowledged_by"], seen["note"]) == ("operator", "đội sửa chữa đang đến")
    assert seen["state"] == "active"
    assert bench.request("POST", path, "operator", json={})[0] == 409
    restore(bench, FEEDER)
    bench.pass_time(HOLD_S + 1)
    (cleared,) = alarms(bench, "cleared")
    assert cleared["acknowledged_by"] == "operator"
    entries = bench.request("GET", "audit?action=alarm.", "administrator")[1]["entries"]
    assert [entry["target"] for entry in entries] == [f"alarm:{alarm['id']}"]


def test_a_cleared_alarm_can_still_be_acknowledged(bench: Bench) -> None:
    cut(bench, FEEDER)
    bench.pass_time(CONFIRM_S)
    restore(bench, FEEDER)
    bench.pass_time(HOLD_S + 1)
    (cleared,) = alarms(bench, "cleared")
    assert not cleared["acknowledged"]
    bench.post(f"alarms/{cleared['id']}/acknowledge")
    assert alarms(bench, "cleared")[0]["acknowledged"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("alarms/99/acknowledge", 404), ("alarms/x/acknowledge", 422)],
)
def test_an_alarm_that_is_not_there(bench: Bench, path: str, status: int) -> None:
    assert bench.request("POST", path, "operator", json={})[0] == status
    assert bench.request("GET", "alarms?state=loud", "viewer")[0] == 422
    assert bench.request("GET", "alarms/99", "viewer")[0] == 404


def test_a_gauge_that_tells_of_a_flood_is_believed_before_its_report(bench: Bench) -> None:
    lake = bench.add_node("lake-1", "reservoir")
    bench.deliver(*lake.connect(bench.city_s))
    older = lake.report(bench.city_s, {"flood_alarm_level": 0, "level_m": 5.9})
    bench.deliver(lake.flood_level(bench.city_s, 2))
    bench.look()
    (alarm,) = alarms(bench)
    assert (alarm["cause"], alarm["evidence"]) == ("flood_level", {"level": 2})
    # A report that waited behind the event takes nothing back, nor does nonsense.
    bench.deliver(older, lake.flood_level(bench.city_s, "high"), lake.flood_level(bench.city_s, 9))
    bench.look()
    assert len(alarms(bench)) == 1
    bench.deliver(lake.flood_level(bench.city_s, 0))
    bench.look()
    assert alarms(bench) == []


def test_a_burning_bin_and_a_rising_lake(bench: Bench) -> None:
    burning = bench.add_node("bin-1", "smart_bin")
    lake = bench.add_node("lake-1", "reservoir")
    bench.deliver(*burning.connect(bench.city_s), *lake.connect(bench.city_s))
    bench.look()
    assert alarms(bench, "all") == []
    bench.deliver(burning.report(bench.city_s, {"faults": 1, "temperature_c": 180.0}))
    bench.deliver(lake.report(bench.city_s, {"flood_alarm_level": 2, "level_m": 7.2}))
    bench.look()
    found = {alarm["cause"]: alarm for alarm in alarms(bench)}
    assert found["node_fault"]["which"] == "fire"
    assert found["node_fault"]["priority"] == "critical"
    assert found["flood_level"]["evidence"] == {"level": 2}
    bench.post(f"alarms/{found['flood_level']['id']}/acknowledge")
    bench.deliver(lake.report(bench.city_s, {"flood_alarm_level": 3, "level_m": 8.1}))
    bench.look()
    risen = next(alarm for alarm in alarms(bench) if alarm["cause"] == "flood_level")
    assert (risen["acknowledged"], risen["priority"]) == (False, "critical")
    bench.deliver(burning.report(bench.city_s), lake.report(bench.city_s))
    bench.deliver(lake.report(bench.city_s, {"flood_alarm_level": 0}))
    bench.look()
    assert alarms(bench) == []
    bench.restart()
    bench.look()
    assert len(alarms(bench, "all")) == 2
