"""Lamps of one feeder that went dark together. Pure.

Time parts them: lamps that go dark within the correlation time of each other share a cause.
A silent sibling belongs to them when it may have gone at the same moment; one heard since, with
mains, speaks against a wide cause.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleet_server.alarms.situation import Situation


@dataclass(frozen=True, slots=True)
class Cluster:
    """Lamps of one feeder that went dark together, and what their siblings say.

    Attributes:
        dark: Nodes that told it themselves, in order of time.
        silent: Siblings not heard since.
        powered: How many siblings were heard since, with mains.
        since_s: First evidence.
        credit_s: First evidence that no open alarm has used up; starts the confirmation time.
        until_s: Last evidence.
    """

    feeder_id: str
    dark: tuple[str, ...]
    silent: tuple[str, ...]
    powered: int
    since_s: int
    credit_s: int
    until_s: int

    @property
    def members(self) -> tuple[str, ...]:
        """All that count as without mains."""
        return tuple(sorted(self.dark + self.silent))

    @property
    def widespread(self) -> bool:
        """Whether the evidence speaks for most of the feeder."""
        return len(self.dark) + len(self.silent) >= max(1, self.powered)

    @property
    def is_feeder(self) -> bool:
        """Whether this is more than a lamp."""
        return len(self.dark) > 1 or (bool(self.silent) and self.widespread)


def clusters_of(situation: Situation, feeder_id: str, lamp_alarms: set[str]) -> list[Cluster]:
    """The dark nodes of a feeder, parted where more than the correlation time lies between."""
    feeder = situation.topology.feeders[feeder_id]
    dark = sorted(
        (since_s, node_id)
        for node_id in feeder.node_ids
        if (since_s := situation.dark_since(node_id)) is not None
    )
    groups: list[list[tuple[int, str]]] = []
    for item in dark:
        if groups and item[0] - groups[-1][-1][0] <= situation.policy.correlation_s:
            groups[-1].append(item)
        else:
            groups.append([item])
    return [_cluster(situation, feeder_id, group, lamp_alarms) for group in groups]


def _cluster(
    situation: Situation,
    feeder_id: str,
    group: list[tuple[int, str]],
    lamp_alarms: set[str],
) -> Cluster:
    first_s, last_s = group[0][0], group[-1][0]
    silent: list[str] = []
    powered = 0
    credits = [since_s for since_s, node_id in group if node_id not in lamp_alarms]
    for node_id in situation.topology.feeders[feeder_id].node_ids:
        evidence = situation.evidence.get(node_id)
        if evidence is None or evidence.heard_s is None or evidence.dark:
            continue
        heard_s = evidence.heard_s
        if situation.silent_since(node_id) is None:
            powered += heard_s > last_s + 1
        elif went_silent_with(situation, node_id, first_s, last_s):
            silent.append(node_id)
            # Not heard since then: its darkness is as old as the last thing that it said.
            credits.append(max(first_s, heard_s))
    dark = tuple(node_id for _, node_id in group)
    credit_s = min(credits, default=first_s)
    return Cluster(feeder_id, dark, tuple(silent), powered, first_s, credit_s, last_s)


def went_silent_with(situation: Situation, node_id: str, first_s: int, last_s: int) -> bool:
    """Whether a silent node may have lost its mains together with its dark siblings."""
    evidence = situation.evidence[node_id]
    silent_s = situation.silent_since(node_id)
    if silent_s is None or evidence.heard_s is None:
        return False
    # One that was silent well before is another story; one heard after it had mains then.
    return silent_s >= first_s - situation.policy.correlation_s and evidence.heard_s <= last_s + 1
