"""Programs, pushes and overrides over the real application."""

from __future__ import annotations

from typing import Any

import pytest

from protocols import codec, messages, schedule
from protocols.limits import OVERRIDE_S
from tests.support.fleet_bench import Bench

NIGHT = [
    {"anchor": "sunset", "time": None, "offset_min": 0, "level": 100, "ramp_s": 60},
    {"anchor": "clock", "time": "23:00", "offset_min": 0, "level": 40, "ramp_s": 0},
    {"anchor": "sunrise", "time": None, "offset_min": -15, "level": 0, "ramp_s": 0},
]


def make_program(bench: Bench, name: str = "Đêm tiết kiệm") -> int:
    return bench.post("programs", {"name": name, "steps": NIGHT})["id"]


def test_a_program_keeps_every_version(bench: Bench) -> None:
    number = make_program(bench)
    changed = [{**NIGHT[0], "level": 80}, *NIGHT[1:]]
    status, body = bench.request(
        "PUT", f"programs/{number}", "operator", json={"name": "Đêm", "steps": changed}
    )
    assert (status, body["version"]) == (200, 2)
    versions = bench.get(f"programs/{number}/versions")["versions"]
    assert [(item["version"], item["name"]) for item in versions] == [
        (2, "Đêm"),
        (1, "Đêm tiết kiệm"),
    ]
    assert versions[1]["steps"] == NIGHT
    assert [item["id"] for item in bench.get("programs")["programs"]] == [number]


def test_saving_what_is_there_already_makes_no_version(bench: Bench) -> None:
    number = make_program(bench)
    body = {"name": "Đêm tiết kiệm", "steps": NIGHT}
    assert bench.request("PUT", f"programs/{number}", "operator", json=body)[1]["version"] == 1


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([], "steps"),
        ([{"anchor": "noon", "level": 1}], "steps[0].anchor"),
        ([{"anchor": "clock", "time": "24:00", "level": 1}], "steps[0].time"),
        ([{"anchor": "clock", "time": None, "level": 1}], "steps[0].time"),
        ([NIGHT[0], {"anchor": "clock", "time": "23:00", "level": 101}], "steps[1].level"),
        ([{"anchor": "sunset", "level": True}], "steps[0].level"),
        ([{"anchor": "sunset", "level": 4.5}], "steps[0].level"),
        ([{"anchor": "sunset", "level": 4, "offset_min": 361}], "steps[0].offset_min"),
        ([{"anchor": "sunset", "time": "20:00", "level": 4}], "steps[0].time"),
        ([{"anchor": "sunset", "level": 4, "ramp_s": 3601}], "steps[0].ramp_s"),
        ([{"anchor": "sunset", "level": 4, "colour": 3}], "steps[0].colour"),
        ([NIGHT[0], NIGHT[0]], "steps[1]"),
        ([NIGHT[1]] * 25, "steps"),
    ],
)
def test_a_wrong_step_is_named(bench: Bench, steps: list[dict[str, Any]], field: str) -> None:
    body = {"name": "Sai", "steps": steps}
    status, answer = bench.request("POST", "programs", "operator", json=body)
    assert (status, answer["error"]["field"]) == (422, field), answer
    assert bench.get("programs")["programs"] == []


def test_two_programs_of_one_name_are_refused(bench: Bench) -> None:
    make_program(bench)
    body = {"name": " Đêm  tiết kiệm ", "steps": NIGHT}
    status, answer = bench.request("POST", "programs", "operator", json=body)
    assert (status, answer["error"]["field"]) == (409, "name")


def test_a_push_reaches_every_lamp_of_the_group_and_no_other(bench: Bench) -> None:
    number = make_program(bench)
    command = bench.post("schedules/push", {"program_id": number, "group_id": "hv"})["command_id"]
    waiting = bench.get(f"commands/{command}")
    assert waiting["counts"]["queued"] == waiting["total"] == 4
    bench.settle()
    done = bench.get(f"commands/{command}")
    assert done["counts"]["reached"] == 4
    assert {target["node_id"] for target in done["targets"]} == {f"hv-{n}" for n in (1, 2, 3, 4)}
    for node_id, node in bench.nodes.items():
        calendar = node.document.get("calendar")
        assert (calendar is not None) == node_id.startswith("hv-")
        if calendar is not None:
            schedule.check_calendar(calendar)
    assert done["title"] == "Đêm tiết kiệm → Group hv"
    states = [news["counts"] for news in bench.hub.of("command") if news["id"] == command]
    assert [counts["reached"] for counts in (states[0], states[-1])] == [0, 4]


def test_the_preview_is_what_the_lamp_will_do(bench: Bench) -> None:
    number = make_program(bench)
    bench.post("schedules/push", {"program_id": number, "group_id": "hv"})
    bench.settle()
    shown = bench.get(f"programs/{number}/preview?node=hv-1&date=2026-02-17")
    calendar = bench.nodes["hv-1"].document["calendar"]
    for at_s, level in zip(shown["at_s"], shown["levels"], strict=True):
        assert schedule.level_at(calendar, at_s, 13_983_000, 108_000_000)[0] == level
    assert shown["date"] == "2026-02-17"
    assert shown["at_s"] == sorted(shown["at_s"])
    assert shown["from_s"] < shown["sunset_s"] < shown["sunrise_s"] < shown["until_s"]
    assert set(shown["levels"]) == {0, 100, 40}
    assert shown["until_s"] - shown["from_s"] == 86400


def test_the_preview_of_today_holds_the_present_night(bench: Bench) -> None:
    number = make_program(bench)
    shown = bench.get(f"programs/{number}/preview?node=hv-1")
    assert shown["from_s"] <= bench.city_s < shown["until_s"]


@pytest.mark.parametrize("date", ["tomorrow", "2026-13-01", "1999-12-31", "2100-01-01"])
def test_a_wrong_date_is_refused(bench: Bench, date: str) -> None:
    number = make_program(bench)
    path = f"programs/{number}/preview?node=hv-1&date={date}"
    status, answer = bench.request("GET", path, "viewer")
    assert (status, answer["error"]["field"]) == (422, "date")


def test_an_override_ends_by_itself_in_city_time(bench: Bench) -> None:
    body = {"group_id": "thd", "level": 80, "minutes": 30, "reason": "lễ hội"}
    bench.post("overrides", body)
    bench.settle()
    override = bench.nodes["thd-1"].document["override"]
    assert override == {"level": 80, "from_s": bench.city_s, "until_s": bench.city_s + 1800}
    running = bench.get("overrides")["overrides"]
    assert [(item["node_id"], item["level"], item["reason"]) for item in running] == [
        (f"thd-{number}", 80, "lễ hội") for number in (1, 2, 3, 4)
    ]
    bench.clock.city_s += 1800
    assert bench.get("overrides")["overrides"] == []
    assert schedule.override_level(override, bench.city_s) is None


def test_an_override_does_not_touch_the_calendar(bench: Bench) -> None:
    number = make_program(bench)
    bench.post("schedules/push", {"program_id": number, "group_id": "hv"})
    bench.post("overrides", {"node_ids": ["hv-1"], "level": 10, "minutes": 5})
    bench.settle()
    document = bench.nodes["hv-1"].document
    assert document["override"]["level"] == 10
    assert document["calendar"] is not None
    assert bench.nodes["hv-1"].version == 2


def test_an_override_is_cleared_earlier(bench: Bench) -> None:
    bench.post("overrides", {"group_id": "hv", "level": 80, "minutes": 30})
    bench.settle()
    body = {"node_ids": ["hv-2"]}
    status, answer = bench.request("DELETE", "overrides", "operator", json=body)
    assert status == 200
    bench.settle()
    assert bench.nodes["hv-2"].document["override"] is None
    assert bench.get(f"commands/{answer['command_id']}")["counts"]["reached"] == 1
    assert len(bench.get("overrides")["overrides"]) == 3
    status, answer = bench.request("DELETE", "overrides", "operator", json=body)
    assert (status, answer["error"]["code"]) == (422, "no_override")


def test_a_second_override_takes_the_place_of_the_first(bench: Bench) -> None:
    bench.post("overrides", {"group_id": "hv", "level": 80, "minutes": 30})
    bench.post("overrides", {"node_ids": ["hv-1"], "level": 20, "minutes": 10})
    running = bench.get("overrides")["overrides"]
    assert [(item["node_id"], item["level"]) for item in running] == [
        ("hv-1", 20),
        ("hv-2", 80),
        ("hv-3", 80),
        ("hv-4", 80),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"level": 101}, "level"),
        ({"level": -1}, "level"),
        ({"level": "80"}, "level"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": OVERRIDE_S // 60 + 1}, "minutes"),
        ({"reason": "x" * 201}, "reason"),
        ({"group_id": None}, "group_id"),
        ({"node_ids": ["hv-1"]}, "group_id"),
        ({"group_id": None, "node_ids": []}, "node_ids"),
        ({"group_id": None, "node_ids": ["bin-1"]}, "node_ids"),
    ],
)
def test_a_wrong_override_is_named(bench: Bench, change: dict[str, Any], field: str) -> None:
    bench.add_node("bin-1", "smart_bin")
    body = {"group_id": "hv", "level": 80, "minutes": 30, "reason": ""} | change
    status, answer = bench.request("POST", "overrides", "operator", json=body)
    assert (status, answer["error"]["field"]) == (422, field), answer
    assert bench.get("commands")["commands"] == []


def test_a_node_or_group_that_is_not_there_is_not_found(bench: Bench) -> None:
    for whom in ({"node_ids": ["hv-1", "hv-99"]}, {"group_id": "nobody"}):
        body = whom | {"level": 80, "minutes": 30}
        assert bench.request("POST", "overrides", "operator", json=body)[0] == 404


def test_only_operators_write_and_every_write_is_audited(bench: Bench) -> None:
    number = make_program(bench)
    writes = [
        ("POST", "programs", {"name": "x", "steps": NIGHT}),
        ("PUT", f"programs/{number}", {"name": "y", "steps": NIGHT}),
        ("POST", "schedules/push", {"program_id": number, "group_id": "hv"}),
        ("POST", "overrides", {"group_id": "hv", "level": 1, "minutes": 1}),
        ("DELETE", "overrides", {"group_id": "hv"}),
    ]
    for method, path, body in writes:
        assert bench.request(method, path, "viewer", json=body)[0] == 403
        assert bench.send(method, path, json=body).status_code == 401
    for method, path, body in writes:
        assert bench.request(method, path, "operator", json=body)[0] in (200, 201)
    entries = bench.request("GET", "audit", "administrator")[1]["entries"]
    actions = [entry["action"] for entry in entries if entry["actor"] == "operator"]
    assert [name for name in actions if not name.startswith("session.")] == [
        "override.clear",
        "override.set",
        "schedule.push",
        "program.change",
        "program.create",
        "program.create",
    ]


def test_what_goes_out_is_a_document_that_the_contract_takes(bench: Bench) -> None:
    number = make_program(bench)
    bench.post("schedules/push", {"program_id": number, "group_id": "all"})
    bench.settle()
    assert len(bench.broker.retained) == 16
    for payload in bench.broker.retained.values():
        version, document = messages.decode_desired(payload)
        assert (version, codec.decode(codec.encode(document))) == (1, document)


def test_a_cabinet_follows_programs_and_overrides_as_lamps_do(bench: Bench) -> None:
    cabinet = bench.add_node("pk-cab-1", "control_cabinet")
    bench.connect_all()
    bench.post("overrides", {"node_ids": ["pk-cab-1", "hv-1"], "level": 0, "minutes": 5})
    bench.settle()
    assert cabinet.document["override"]["level"] == 0
