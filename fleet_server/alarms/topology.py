"""Who hangs on which feeder of which cabinet: plain values for the rules. Pure.

Only nodes in service belong here; a retired node or one that was never mounted proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One node in the supply: `luminaire` tells whether it counts as a lamp."""

    node_id: str
    name: str
    luminaire: bool
    feeder_id: str | None = None


@dataclass(frozen=True, slots=True)
class Feeder:
    """A feeder with its nodes; who is on none has no feeder to blame."""

    feeder_id: str
    name: str
    cabinet_id: str
    node_ids: tuple[str, ...]
    lamps: int


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A control cabinet with its feeders."""

    cabinet_id: str
    name: str
    feeder_ids: tuple[str, ...]
    node_ids: tuple[str, ...]
    lamps: int


@dataclass(frozen=True, slots=True)
class Topology:
    """The supply of the whole fleet."""

    places: dict[str, Place]
    feeders: dict[str, Feeder]
    cabinets: dict[str, Cabinet]

    def cabinet_of(self, node_id: str) -> str | None:
        """The cabinet that feeds a node, if any is known."""
        place = self.places.get(node_id)
        feeder = self.feeders.get(place.feeder_id or "") if place else None
        return feeder.cabinet_id if feeder else None

    def nodes_under(self, object_kind: str, object_id: str) -> tuple[str, ...]:
        """Every node under a node, feeder or cabinet, or of the fleet; none if it is gone."""
        if object_kind == "feeder" and object_id in self.feeders:
            return self.feeders[object_id].node_ids
        if object_kind == "cabinet" and object_id in self.cabinets:
            return self.cabinets[object_id].node_ids
        if object_kind == "node" and object_id in self.places:
            return (object_id,)
        return tuple(self.places) if object_kind == "fleet" else ()

    def lamps_among(self, node_ids: Iterable[str]) -> int:
        """How many of these are luminaires."""
        return sum(1 for node in node_ids if node in self.places and self.places[node].luminaire)

    def name_of(self, object_kind: str, object_id: str) -> str:
        """What people call it; the id where nobody gave it a name."""
        named: dict[str, Place] | dict[str, Feeder] | dict[str, Cabinet]
        tables = {"node": self.places, "feeder": self.feeders, "cabinet": self.cabinets}
        named = tables.get(object_kind, {})
        return named[object_id].name if object_id in named else object_id


def build(
    places: Iterable[Place],
    feeders: Iterable[tuple[str, str, str]],
    cabinets: Iterable[tuple[str, str]],
) -> Topology:
    """Joins the registry's rows.

    Args:
        places: The nodes in service.
        feeders: (id, name, cabinet id).
        cabinets: (id, name).
    """
    by_id = {place.node_id: place for place in places}
    on_feeder: dict[str, list[str]] = {}
    for place in by_id.values():
        if place.feeder_id is not None:
            on_feeder.setdefault(place.feeder_id, []).append(place.node_id)

    def lamps(node_ids: Iterable[str]) -> int:
        return sum(1 for node in node_ids if by_id[node].luminaire)

    feeder_map: dict[str, Feeder] = {}
    for feeder_id, name, cabinet_id in feeders:
        nodes = tuple(sorted(on_feeder.get(feeder_id, [])))
        feeder_map[feeder_id] = Feeder(feeder_id, name, cabinet_id, nodes, lamps(nodes))
    cabinet_map: dict[str, Cabinet] = {}
    for cabinet_id, name in cabinets:
        owned = tuple(
            sorted(f.feeder_id for f in feeder_map.values() if f.cabinet_id == cabinet_id)
        )
        nodes = tuple(sorted(node for feeder in owned for node in feeder_map[feeder].node_ids))
        cabinet_map[cabinet_id] = Cabinet(cabinet_id, name, owned, nodes, lamps(nodes))
    return Topology(by_id, feeder_map, cabinet_map)
