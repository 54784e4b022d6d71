"""Everything that the alarm rules look at, at one moment, and the delays they go by. Pure.

Evidence is one node's; a situation joins it with the supply, planned switching and the state of our
own link to the broker, and answers since when a node is dark, silent or restored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleet_server.alarms.evidence import Evidence
from fleet_server.alarms.topology import Topology

# Of a node that sleeps, so many reports must be missing before it is missed.
SLEEPS = 2.5


@dataclass(frozen=True, slots=True)
class Policy:
    """The delays of the rules, all in real seconds.

    Attributes:
        outage_confirm_s: How long darkness must last before it is an alarm.
        restore_hold_s: How long the mains must be back before the alarm is over.
        correlation_s: Lamps that go dark within this time of each other share a cause.
        communication_confirm_s: How long silence must last before it is an alarm.
        stale_s: A node from which nothing came for so long is silent.
        straggler_s: A last lamp that stays dark so long after its siblings have mains again is
            a case of its own.
    """

    outage_confirm_s: int = 30
    restore_hold_s: int = 10
    correlation_s: int = 30
    communication_confirm_s: int = 90
    stale_s: int = 180
    straggler_s: int = 120


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the rules look at, at one moment.

    Attributes:
        excused_until_s: For nodes under planned switching: until when (a past second while the
            switching is over), since what happened before proves nothing.
        link_up_s: Since when our own link to the broker is up; None while it is down, when
            silence proves nothing.
        now_s: System second.
        speed: City seconds in one real second; nodes that sleep do so by the city's clock.
    """

    topology: Topology
    evidence: Mapping[str, Evidence]
    policy: Policy
    now_s: int
    link_up_s: int | None = 0
    excused_until_s: Mapping[str, int] = field(default_factory=dict[str, int])
    speed: float = 1.0

    def excused(self, node_id: str) -> bool:
        """Whether a node is under planned switching at this moment."""
        return self.excused_until_s.get(node_id, 0) > self.now_s

    def stale_s(self, evidence: Evidence) -> int:
        """How long a node may say nothing before it counts as silent.

        One that sleeps may miss a report: it tries again by itself.
        """
        return max(self.policy.stale_s, int(SLEEPS * evidence.sleep_s / self.speed))

    def dark_since(self, node_id: str) -> int | None:
        """Since when a node counts as dark; None while it does not."""
        found = self.evidence.get(node_id)
        if found is None or not found.dark or self.excused(node_id):
            return None
        return max(found.mains_since_s, self.excused_until_s.get(node_id, 0))

    def silent_since(self, node_id: str) -> int | None:
        """Since when a node that did not tell of a mains loss is silent; None while heard."""
        found = self.evidence.get(node_id)
        if found is None or found.dark or self.excused(node_id) or self.link_up_s is None:
            return None
        # While our own link was away nobody could be heard, so the time starts with the link.
        stale_s = self.stale_s(found)
        is_told = found.will_s is not None and not found.sleep_s
        if not is_told and self.now_s - self.link_up_s <= stale_s:
            return None
        since_s = found.silent_since_s(stale_s, self.now_s)
        if since_s is None:
            return None
        return max(since_s, self.excused_until_s.get(node_id, 0), self.link_up_s)

    def restored_since(self, node_id: str) -> int | None:
        """Since when a node has mains and a voice again; None while it lacks one."""
        found = self.evidence.get(node_id)
        if found is None or found.mains is False or found.heard_s is None:
            return None
        if found.will_s is not None:
            return None
        return max(found.mains_since_s, found.voice_since_s)
