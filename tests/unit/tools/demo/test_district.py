"""The district is what the demo promises, at places that make sense."""

from itertools import pairwise

import pytest

from protocols.fields import KIND_CODES
from protocols.topics import is_node_id
from tools.demo.district import District, along, distance_between, import_document, load_district

# A box around each city: south, west, north, east.
BOXES = {"pleiku": (13.9, 107.9, 14.1, 108.1), "da-lat": (11.8, 108.4, 12.0, 108.6)}


@pytest.fixture
def district() -> District:
    return load_district()


def test_forty_nodes_of_four_kinds(district: District) -> None:
    counts = {"streetlight": 30, "smart_bin": 4, "greenhouse": 3, "reservoir": 3}
    assert district.kinds() == counts
    assert len({node.id for node in district.nodes}) == 40
    assert all(is_node_id(node.id) and node.kind in KIND_CODES for node in district.nodes)
    assert (len(district.cabinets), len(district.feeders)) == (2, 4)


def test_every_node_stands_in_its_city(district: District) -> None:
    for node in district.nodes:
        south, west, north, east = BOXES[node.zone]
        assert south < node.latitude < north
        assert west < node.longitude < east
        assert node.address and node.name


def test_lamps_stand_35_m_apart_along_their_feeder(district: District) -> None:
    for feeder in district.feeders:
        lamps = [node for node in district.nodes if node.feeder == feeder.id]
        assert len(lamps) in (7, 8)
        assert {lamp.cabinet for lamp in lamps} == {feeder.cabinet}
        for left, right in pairwise(lamps):
            gap_m = distance_between(
                (left.latitude, left.longitude), (right.latitude, right.longitude)
            )
            # A bend of the street shortens the straight line a little.
            assert gap_m == pytest.approx(35, abs=1.0)


def test_only_lamps_hang_on_feeders(district: District) -> None:
    assert all((node.feeder is not None) == (node.kind == "streetlight") for node in district.nodes)


def test_groups_hold_all_lamps_once_each_way(district: District) -> None:
    members = {group.id: set(group.nodes) for group in district.groups}
    lamps = {node.id for node in district.nodes if node.kind == "streetlight"}
    assert members["all-lamps"] == lamps
    assert members["pleiku-lamps"] | members["da-lat-lamps"] == lamps
    by_feeder = [members[f"{feeder.id}-lamps"] for feeder in district.feeders]
    assert set().union(*by_feeder) == lamps
    assert sum(map(len, by_feeder)) == len(lamps)


def test_the_import_document_is_complete_in_itself(district: District) -> None:
    document = import_document(district)
    known = {part: {row["id"] for row in rows} for part, rows in document.items()}
    assert {row["cabinet_id"] for row in document["feeders"]} == known["cabinets"]
    assert {row["feeder_id"] for row in document["nodes"]} == {None, *known["feeders"]}
    assert {row["zone"] for row in document["nodes"]} == known["zones"]


def test_along_a_line_with_a_bend() -> None:
    line = [(0.0, 0.0), (0.0, 0.001), (0.001, 0.001)]
    side_m = distance_between(line[0], line[1])
    assert along(line, 0) == line[0]
    assert along(line, side_m) == pytest.approx(line[1])
    assert along(line, 1.5 * side_m) == pytest.approx((0.0005, 0.001))
    assert along(line, 3 * side_m) == pytest.approx((0.002, 0.001))
