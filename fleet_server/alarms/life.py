"""The life of an alarm, in one table, and what may change in it, as values. Pure.

Active or cleared, acknowledged or not, after ISA-18.2 and OPC UA Part 9. An alarm that a wider
root cause explains is absorbed: it ends, acknowledged, since the wider one now asks for attention.

    >>> step(NEW, "raise")
    'active_unacknowledged'

Source: ISA-18.2-2016, figure "alarm state transition"; OPC UA Part 9, AcknowledgeableCondition.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from fleet_server.alarms.errors import AlarmLifeError

NEW = "new"
ACTIVE_UNACKNOWLEDGED = "active_unacknowledged"
ACTIVE_ACKNOWLEDGED = "active_acknowledged"
CLEARED_UNACKNOWLEDGED = "cleared_unacknowledged"
CLEARED_ACKNOWLEDGED = "cleared_acknowledged"

ALARM_LIFE: dict[str, dict[str, str]] = {
    NEW: {"raise": ACTIVE_UNACKNOWLEDGED},
    ACTIVE_UNACKNOWLEDGED: {
        "update": ACTIVE_UNACKNOWLEDGED,
        "escalate": ACTIVE_UNACKNOWLEDGED,
        "acknowledge": ACTIVE_ACKNOWLEDGED,
        "clear": CLEARED_UNACKNOWLEDGED,
        "absorb": CLEARED_ACKNOWLEDGED,
    },
    ACTIVE_ACKNOWLEDGED: {
        "update": ACTIVE_ACKNOWLEDGED,
        # It got worse in a way that a person must see again.
        "escalate": ACTIVE_UNACKNOWLEDGED,
        "clear": CLEARED_ACKNOWLEDGED,
        "absorb": CLEARED_ACKNOWLEDGED,
    },
    CLEARED_UNACKNOWLEDGED: {"acknowledge": CLEARED_ACKNOWLEDGED},
    CLEARED_ACKNOWLEDGED: {},
}
ACTIVE_STATES = (ACTIVE_UNACKNOWLEDGED, ACTIVE_ACKNOWLEDGED)

LAMP_OUTAGE = "lamp_outage"
NODE_OUTAGE = "node_outage"
FEEDER_OUTAGE = "feeder_outage"
CABINET_OUTAGE = "cabinet_outage"
COMMUNICATION_LOSS = "communication_loss"
NODE_FAULT = "node_fault"
FLOOD_LEVEL = "flood_level"
OUTAGES = (LAMP_OUTAGE, NODE_OUTAGE, FEEDER_OUTAGE, CABINET_OUTAGE)

Key = tuple[str, str, str, str]
"""(cause, object kind, object id, which): at most one active alarm for each."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says about one root cause, for printing, storing and testing.

    Attributes:
        cause: One of the causes above.
        object_kind: "node", "feeder", "cabinet" or "fleet".
        object_id: Which one.
        which: The fault's name where one object can have several alarms, else "".
        since_s: System second of the first evidence.
        members: The nodes affected now, sorted.
        count: Lamps among them (all nodes where the cause is not an outage).
        total: Lamps under the object.
        priority: "critical", "high", "medium" or "low".
        confirmed: Whether the evidence has stood for its confirmation time.
        evidence: Counts of what speaks for it: {"last_gasps": 6, "silent": 2, "powered": 0}.
    """

    cause: str
    object_kind: str
    object_id: str
    since_s: int
    members: tuple[str, ...]
    count: int
    total: int
    priority: str
    confirmed: bool
    which: str = ""
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def key(self) -> Key:
        """What makes two verdicts the same alarm."""
        return (self.cause, self.object_kind, self.object_id, self.which)


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An active alarm as the rules see it.

    Attributes:
        children: Every node that it ever counted.
        members: The nodes that it counts at this moment.
    """

    alarm_id: int
    cause: str
    object_kind: str
    object_id: str
    since_s: int
    children: frozenset[str]
    members: frozenset[str]
    count: int
    total: int
    which: str = ""
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def key(self) -> Key:
        """What makes a verdict speak of this alarm."""
        return (self.cause, self.object_kind, self.object_id, self.which)


@dataclass(frozen=True, slots=True)
class Raise:
    """A new alarm; the named active ones end in it."""

    verdict: Verdict
    absorbs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """The same alarm with other members; escalated when it asks for attention again."""

    alarm_id: int
    members: tuple[str, ...]
    count: int
    total: int
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])
    absorbs: tuple[int, ...] = ()
    escalated: bool = False
    priority: str | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """The cause is gone."""

    alarm_id: int


Change = Raise | Update | Clear


def step(state: str, event: str) -> str:
    """The state after an event.

    Raises:
        AlarmLifeError: The event cannot happen in this state.
    """
    try:
        return ALARM_LIFE[state][event]
    except KeyError as error:
        raise AlarmLifeError(state, event) from error


def opened(alarm_id: int, verdict: Verdict) -> OpenAlarm:
    """The active alarm that a verdict raises."""
    members = frozenset(verdict.members)
    return OpenAlarm(
        alarm_id,
        verdict.cause,
        verdict.object_kind,
        verdict.object_id,
        verdict.since_s,
        members,
        members,
        verdict.count,
        verdict.total,
        verdict.which,
        verdict.evidence,
    )


def updated(alarm: OpenAlarm, change: Update) -> OpenAlarm:
    """The same alarm with what changed; whoever was counted once stays a child."""
    members = frozenset(change.members)
    return replace(
        alarm,
        children=alarm.children | members,
        members=members,
        count=change.count,
        total=change.total,
        evidence=change.evidence,
    )
