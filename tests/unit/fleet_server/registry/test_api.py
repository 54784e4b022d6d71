"""Importing an inventory, groups, topology and a node's life over HTTP."""

import copy
from typing import Any

import pytest

from tests.support.fleet_bench import Bench

INVENTORY: dict[str, Any] = {
    "zones": [{"id": "pleiku", "name": "Pleiku"}],
    "cabinets": [{"id": "pk-cc-01", "name": "Tủ 01", "zone": "pleiku", "lat": 13.98, "lon": 108.0}],
    "feeders": [
        {"id": "pk-fd-1", "cabinet_id": "pk-cc-01", "name": "Hùng Vương", "phase": "L1"},
        {"id": "pk-fd-2", "cabinet_id": "pk-cc-01", "name": "Trần Hưng Đạo", "phase": "L2"},
    ],
    "nodes": [
        {
            "id": f"pk-sl-00{number}",
            "kind": "streetlight",
            "name": f"Đèn Hùng Vương 0{number}",
            "address": "Đường Điện Biên Phủ",
            "zone": "pleiku",
            "lat": 13.98 + number / 1000,
            "lon": 108.0,
            "feeder_id": "pk-fd-1",
        }
        for number in range(1, 4)
    ]
    + [{"id": "pk-bin-01", "kind": "smart_bin", "name": "Thùng 01", "lat": 13.9, "lon": 108.0}],
    "groups": [{"id": "pk-all", "name": "Mọi đèn Pleiku", "node_ids": ["pk-sl-001", "pk-sl-002"]}],
}


def import_(bench: Bench, inventory: Any, role: str = "administrator") -> Any:
    return bench.request("POST", "registry/import", role, json=inventory)


def test_an_inventory_is_imported_and_again_changes_nothing(bench: Bench) -> None:
    status, counts = import_(bench, INVENTORY)
    assert status == 200
    assert counts["nodes"] == {"created": 4, "changed": 0, "unchanged": 0}
    status, counts = import_(bench, INVENTORY)
    assert status == 200
    for part, rows in INVENTORY.items():
        assert counts[part] == {"created": 0, "changed": 0, "unchanged": len(rows)}
    audit = bench.request("GET", "audit?action=registry.", "administrator")[1]["entries"]
    assert len(audit) == 1, "what changed nothing needs no entry"


def test_a_changed_row_is_changed_and_nothing_is_deleted(bench: Bench) -> None:
    import_(bench, INVENTORY)
    part = {
        "nodes": [INVENTORY["nodes"][0] | {"name": "Đèn mới", "feeder_id": "pk-fd-2"}],
        "groups": [INVENTORY["groups"][0] | {"node_ids": ["pk-sl-003"]}],
    }
    _, counts = import_(bench, part)
    assert counts["nodes"] == {"created": 0, "changed": 1, "unchanged": 0}
    assert counts["groups"] == {"created": 0, "changed": 1, "unchanged": 0}
    assert bench.get("nodes/pk-sl-001")["feeder"] == "pk-fd-2"
    assert bench.get("nodes?q=den moi")["total"] == 1
    groups = {group["id"]: group["node_ids"] for group in bench.get("groups")["groups"]}
    assert groups["pk-all"] == ["pk-sl-003"]
    assert bench.get("nodes?kind=smart_bin&q=pk-bin")["total"] == 1


def test_an_empty_group_that_gets_members_is_changed_and_audited(bench: Bench) -> None:
    import_(bench, _set(["groups", 0, "node_ids"], []))
    _, counts = import_(bench, INVENTORY)
    assert counts["groups"] == {"created": 0, "changed": 1, "unchanged": 0}
    audit = bench.request("GET", "audit?action=registry.", "administrator")[1]["entries"]
    assert len(audit) == 2


def test_two_groups_of_one_name_are_refused_and_a_name_that_is_given_up_is_free(
    bench: Bench,
) -> None:
    import_(bench, INVENTORY)
    other: dict[str, Any] = {"id": "other", "name": "Mọi đèn Pleiku", "node_ids": []}
    status, body = import_(bench, {"groups": [other]})
    assert (status, body["error"]["field"]) == (422, "groups[0].name")
    renamed = INVENTORY["groups"][0] | {"name": "Đèn cũ"}
    assert import_(bench, {"groups": [renamed, other]})[0] == 200


def _set(path: list[Any], value: Any) -> dict[str, Any]:
    inventory = copy.deepcopy(INVENTORY)
    place: Any = inventory
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return inventory


@pytest.mark.parametrize(
    ("inventory", "field"),
    [
        (_set(["zones", 0, "id"], "Pleiku City"), "zones[0].id"),
        (_set(["cabinets", 0, "lat"], 139.8), "cabinets[0].lat"),
        (_set(["cabinets", 0, "zone"], "hue"), "cabinets[0].zone"),
        (_set(["feeders", 1, "phase"], "L4"), "feeders[1].phase"),
        (_set(["feeders", 1, "cabinet_id"], "nope"), "feeders[1].cabinet_id"),
        (_set(["feeders", 1, "id"], "pk-fd-1"), "feeders[1].id"),
        (_set(["nodes", 2, "id"], "server-ingest"), "nodes[2].id"),
        (_set(["nodes", 2, "kind"], "toaster"), "nodes[2].kind"),
        (_set(["nodes", 2, "name"], " "), "nodes[2].name"),
        (_set(["nodes", 2, "feeder_id"], "pk-fd-9"), "nodes[2].feeder_id"),
        (_set(["nodes", 2, "lon"], "east"), "nodes.2.lon"),
        (_set(["nodes", 2, "serial"], "x"), "nodes.2.serial"),
        (_set(["groups", 0, "node_ids", 1], "pk-sl-009"), "groups[0].node_ids[1]"),
    ],
)
def test_a_bad_row_is_named_and_nothing_of_the_import_stays(
    bench: Bench, inventory: Any, field: str
) -> None:
    status, body = import_(bench, inventory)
    assert (status, body["error"]["field"]) == (422, field)
    assert bench.get("nodes?q=pk-sl")["total"] == 0
    assert bench.get("topology")["zones"] == []


def test_an_import_never_makes_a_lamp_into_a_bin(bench: Bench) -> None:
    import_(bench, INVENTORY)
    status, body = import_(bench, _set(["nodes", 0, "kind"], "smart_bin"))
    assert (status, body["error"]["field"]) == (409, "nodes[0].kind")


def test_an_import_does_not_touch_a_nodes_life(bench: Bench) -> None:
    import_(bench, INVENTORY)
    bench.post("nodes/pk-sl-001/life", {"event": "retire"}, "technician")
    import_(bench, INVENTORY)
    assert bench.get("nodes/pk-sl-001")["state"] == "retired"


def test_only_an_administrator_imports(bench: Bench) -> None:
    assert import_(bench, INVENTORY, "release_manager")[0] == 403


def test_the_topology_hangs_nodes_on_feeders_on_cabinets(bench: Bench) -> None:
    import_(bench, INVENTORY)
    bench.post("nodes/pk-sl-002/life", {"event": "retire"}, "technician")
    topology = bench.get("topology")
    (cabinet,) = [item for item in topology["cabinets"] if item["id"] == "pk-cc-01"]
    assert [(feeder["id"], feeder["phase"]) for feeder in cabinet["feeders"]] == [
        ("pk-fd-1", "L1"),
        ("pk-fd-2", "L2"),
    ]
    assert cabinet["feeders"][0]["nodes"] == ["pk-sl-001", "pk-sl-003"]


def test_groups_are_made_by_name_and_deleted_by_id(bench: Bench) -> None:
    import_(bench, INVENTORY)
    made = bench.post("groups", {"name": "Đèn chợ đêm", "node_ids": ["pk-sl-003", "pk-sl-001"]})
    assert made == {
        "id": "den-cho-dem",
        "name": "Đèn chợ đêm",
        "node_ids": ["pk-sl-001", "pk-sl-003"],
    }
    twin = bench.post("groups", {"name": "Đèn chợ đêm!", "node_ids": []})
    assert twin["id"] == "den-cho-dem-2"
    assert bench.get("nodes?group=den-cho-dem")["total"] == 2
    again: dict[str, Any] = {"name": "Đèn chợ đêm", "node_ids": []}
    assert bench.request("POST", "groups", "operator", json=again)[0] == 409
    assert bench.request("DELETE", "groups/den-cho-dem", "viewer")[0] == 403
    assert bench.request("DELETE", "groups/den-cho-dem", "operator")[0] == 200
    assert bench.request("DELETE", "groups/den-cho-dem", "operator")[0] == 404
    assert bench.get("nodes/pk-sl-001")["id"] == "pk-sl-001"


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "node_ids": []},
        {"name": "x", "node_ids": ["no-such-node"]},
        {"name": "x" * 300, "node_ids": []},
        {"name": "x"},
        [],
    ],
)
def test_a_bad_group_is_refused(bench: Bench, body: Any) -> None:
    assert bench.request("POST", "groups", "operator", json=body)[0] == 422


def test_a_place_is_made_ready_for_a_replacement_by_a_technician(bench: Bench) -> None:
    import_(bench, INVENTORY)
    path = "nodes/pk-sl-001/life"
    assert bench.request("POST", path, "operator", json={"event": "retire"})[0] == 403
    assert bench.request("POST", path, "technician", json={"event": "enrol"})[0] == 422
    assert bench.request("POST", path, "technician", json={"event": "replace"})[0] == 409
    assert bench.post(path, {"event": "retire"}, "technician")["state"] == "retired"
    assert bench.get("nodes?q=pk-sl-001")["total"] == 0
    assert bench.get("nodes?q=pk-sl-001&state=retired")["total"] == 1
    assert bench.post(path, {"event": "replace"}, "technician")["state"] == "planned"
    missing = bench.request("POST", "nodes/no-such/life", "technician", json={"event": "retire"})
    assert missing[0] == 404
