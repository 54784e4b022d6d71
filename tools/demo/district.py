"""The demo district: 30 streetlights, 4 bins, 3 greenhouses and 3 reservoir gauges, and where.

Reads `data/district.json` and places the lamps along their streets. Owns names, ids and places;
leaves the nodes' files to `tools.node` and the import itself to the fleet server.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

STREETLIGHT = "streetlight"
_EARTH_RADIUS_M = 6_371_000.0
_DATA = Path(__file__).parent / "data" / "district.json"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A node and where it stands; latitude and longitude in degrees, WGS 84."""

    id: str
    kind: str
    name: str
    address: str
    zone: str
    latitude: float
    longitude: float
    feeder: str | None = None
    cabinet: str | None = None


@dataclass(frozen=True, slots=True)
class Feeder:
    """A lamp circuit of a control cabinet."""

    id: str
    cabinet: str
    name: str
    phase: str


@dataclass(frozen=True, slots=True)
class Group:
    """A named list of nodes."""

    id: str
    name: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class District:
    """All of it; zones and cabinets as the file has them."""

    zones: tuple[dict[str, Any], ...]
    cabinets: tuple[dict[str, Any], ...]
    feeders: tuple[Feeder, ...]
    nodes: tuple[Place, ...]
    groups: tuple[Group, ...]

    def kinds(self) -> dict[str, int]:
        """How many nodes there are of each kind."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            counts[node.kind] = counts.get(node.kind, 0) + 1
        return counts


@cache
def load_district() -> District:
    """The district of the demo."""
    data: dict[str, Any] = json.loads(_DATA.read_text(encoding="utf-8"))
    feeders = tuple(
        Feeder(item["id"], item["cabinet"], item["name"], item["phase"]) for item in data["feeders"]
    )
    zone_of = {item["id"]: str(item["zone"]) for item in data["cabinets"]}
    lamps = tuple(
        lamp
        for item in data["feeders"]
        for lamp in _lamps(item, zone_of[item["cabinet"]], float(data["lamp_distance_m"]))
    )
    others = tuple(
        Place(item["id"], item["kind"], item["name"], item["address"], item["zone"], *item["at"])
        for item in data["places"]
    )
    return District(
        tuple(data["zones"]),
        tuple(data["cabinets"]),
        feeders,
        lamps + others,
        _groups(data["groups"], feeders, lamps),
    )


def import_document(district: District) -> dict[str, list[dict[str, Any]]]:
    """The district as POST registry/import takes it."""
    return {
        "zones": list(district.zones),
        "cabinets": [
            {"id": item["id"], "name": item["name"], "zone": item["zone"]}
            | {"lat": item["at"][0], "lon": item["at"][1]}
            for item in district.cabinets
        ],
        "feeders": [
            {"id": feeder.id, "cabinet_id": feeder.cabinet, "name": feeder.name}
            | {"phase": feeder.phase}
            for feeder in district.feeders
        ],
        "nodes": [
            {"id": node.id, "kind": node.kind, "name": node.name, "address": node.address}
            | {"zone": node.zone, "lat": node.latitude, "lon": node.longitude}
            | {"feeder_id": node.feeder}
            for node in district.nodes
        ],
        "groups": [
            {"id": group.id, "name": group.name, "node_ids": list(group.nodes)}
            for group in district.groups
        ],
    }


def along(line: list[Point], distance_m: float) -> Point:
    """The point that lies so far along a line of points; past its end, straight on.

    A few hundred metres are flat enough for plane geometry with a local scale.
    """
    rest_m = distance_m
    for index, (start, end) in enumerate(pairwise(line)):
        length_m = distance_between(start, end)
        if rest_m <= length_m or index == len(line) - 2:
            share = rest_m / length_m
            return (
                start[0] + (end[0] - start[0]) * share,
                start[1] + (end[1] - start[1]) * share,
            )
        rest_m -= length_m
    raise ValueError("a line has two points at least")


def distance_between(start: Point, end: Point) -> float:
    """Metres between two near points given as (latitude, longitude) in degrees."""
    middle = math.radians((start[0] + end[0]) / 2)
    north_m = math.radians(end[0] - start[0]) * _EARTH_RADIUS_M
    east_m = math.radians(end[1] - start[1]) * _EARTH_RADIUS_M * math.cos(middle)
    return math.hypot(north_m, east_m)


def _lamps(feeder: dict[str, Any], zone: str, spacing_m: float) -> list[Place]:
    prefix, _, number = str(feeder["first_lamp"]).rpartition("-")
    line: list[Point] = [(float(point[0]), float(point[1])) for point in feeder["line"]]
    lamps: list[Place] = []
    for index in range(int(feeder["lamps"])):
        latitude, longitude = along(line, index * spacing_m)
        lamps.append(
            Place(
                id=f"{prefix}-{int(number) + index:03d}",
                kind=STREETLIGHT,
                name=f"Đèn {feeder['name']} {index + 1:02d}",
                address=f"Cột {index + 1:02d}, {feeder['street']}",
                zone=zone,
                # Six decimals are 0.1 m.
                latitude=round(latitude, 6),
                longitude=round(longitude, 6),
                feeder=str(feeder["id"]),
                cabinet=str(feeder["cabinet"]),
            )
        )
    return lamps


def _groups(
    areas: list[dict[str, Any]], feeders: tuple[Feeder, ...], lamps: tuple[Place, ...]
) -> tuple[Group, ...]:
    wide = [
        Group(
            str(area["id"]),
            str(area["name"]),
            tuple(lamp.id for lamp in lamps if lamp.zone in area["zones"]),
        )
        for area in areas
    ]
    narrow = [
        Group(
            f"{feeder.id}-lamps",
            f"Đèn {feeder.name}",
            tuple(lamp.id for lamp in lamps if lamp.feeder == feeder.id),
        )
        for feeder in feeders
    ]
    return (*wide, *narrow)
