"""A small city that loses its mains in known ways and tells about it over a bad network.

A simulator for the rules: it knows the truth, makes the messages that real nodes would send
(reports, last gasps, last wills, cold boots), delays, loses, repeats and reorders them, and asks
the rules once a second. Nothing here knows how the rules think.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from fleet_server.alarms.decide import decide
from fleet_server.alarms.evidence import Evidence, Observation, fold
from fleet_server.alarms.life import Clear, OpenAlarm, Raise, Update, Verdict, opened, updated
from fleet_server.alarms.situation import Policy, Situation
from fleet_server.alarms.topology import Place, Topology, build

START_S = 1_000_000


def supply(feeders: dict[str, list[str]], lamps_each: int = 8, loose: int = 3) -> Topology:
    """Cabinets with their feeders, `lamps_each` lamps on each, and nodes on no feeder."""
    places = [
        Place(f"{feeder}-{number}", f"Lamp {number} of {feeder}", True, feeder)
        for names in feeders.values()
        for feeder in names
        for number in range(1, lamps_each + 1)
    ]
    places += [Place(f"gh-{number}", f"Greenhouse {number}", False) for number in range(loose)]
    feeder_rows = [
        (name, name.upper(), cabinet) for cabinet in feeders for name in feeders[cabinet]
    ]
    return build(places, feeder_rows, [(cabinet, cabinet.upper()) for cabinet in feeders])


@dataclass(frozen=True, slots=True)
class Network:
    """How bad the way to the server is; probabilities from 0 to 1."""

    gasp_loss: float = 0.0
    will_loss: float = 0.0
    repeat: float = 0.0
    delay_s: int = 0
    keepalive_s: int = 5


@dataclass(slots=True)
class Lamp:
    """The truth of one node."""

    node_id: str
    mains: bool = True
    linked: bool = True
    dead_at_s: int | None = None
    boot: int = 1
    seq: int = 0
    connected: bool = False
    will: tuple[int, int] = (1, 0)
    gasp: tuple[int, int] = (1, 0)
    next_report_s: int = 0


@dataclass(slots=True)
class Record:
    """One alarm as the book holds it."""

    verdict: Verdict
    raised_s: int
    cleared_s: int | None = None
    absorbed: bool = False
    most: int = 0


@dataclass(slots=True)
class City:
    """Nodes, network, rules and the book of alarms, second by second."""

    topology: Topology
    network: Network = field(default_factory=Network)
    policy: Policy = field(default_factory=Policy)
    report_s: int = 5
    seed: int = 0
    now_s: int = START_S
    link_up_s: int | None = START_S - 1000
    excused: dict[str, int] = field(default_factory=dict[str, int])
    evidence: dict[str, Evidence] = field(default_factory=dict[str, Evidence])
    active: dict[int, OpenAlarm] = field(default_factory=dict[int, OpenAlarm])
    book: dict[int, Record] = field(default_factory=dict[int, Record])
    lamps: dict[str, Lamp] = field(default_factory=dict[str, Lamp])
    post: list[tuple[int, int, Observation]] = field(
        default_factory=list[tuple[int, int, Observation]]
    )
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        for node_id in self.topology.places:
            start_s = self.now_s + self.chance.randrange(self.report_s)
            self.lamps[node_id] = Lamp(node_id, next_report_s=start_s)
        self.run(2 * self.report_s)

    def under(self, object_id: str) -> list[Lamp]:
        """The nodes under a node, feeder or cabinet."""
        for kind in ("node", "feeder", "cabinet"):
            nodes = self.topology.nodes_under(kind, object_id)
            if nodes:
                return [self.lamps[node] for node in nodes]
        raise KeyError(object_id)

    def cut(self, object_id: str) -> None:
        """Takes the mains away: a last gasp, some seconds of life, then nothing."""
        for lamp in self.under(object_id):
            if not lamp.mains:
                continue
            lamp.mains = False
            lamp.dead_at_s = self.now_s + self.chance.randint(3, 8)
            if lamp.connected and self.chance.random() >= self.network.gasp_loss:
                # Encoded, with its number, when the connection was made.
                self._send(Observation(lamp.node_id, lamp.gasp, 0, self.now_s, False, False, True))

    def restore(self, object_id: str) -> None:
        """Gives the mains back: who still lived tells it, the others boot."""
        for lamp in self.under(object_id):
            if lamp.mains:
                continue
            lamp.mains = True
            if lamp.dead_at_s is not None:
                lamp.dead_at_s = None
                if lamp.connected:
                    self._say(lamp, mains=True, certain=True)
                    lamp.seq += 1
                    lamp.gasp = (lamp.boot, lamp.seq)
                continue
            lamp.boot += 1
            lamp.seq = 0
            lamp.next_report_s = self.now_s + self.chance.randint(2, 4)

    def unlink(self, object_id: str) -> None:
        """Takes only the way to the broker away."""
        for lamp in self.under(object_id):
            lamp.linked = False
            self._last_will(lamp)

    def link(self, object_id: str) -> None:
        """Gives the way back; the node makes a new connection with a new will."""
        for lamp in self.under(object_id):
            lamp.linked = True

    def run(self, seconds: int) -> None:
        """Lets time pass."""
        for _ in range(seconds):
            self.now_s += 1
            for lamp in self.lamps.values():
                self._live(lamp)
            self._deliver()
            self._decide()

    def situation(self) -> Situation:
        """What the rules see now."""
        return Situation(
            self.topology, self.evidence, self.policy, self.now_s, self.link_up_s, self.excused
        )

    def active_causes(self) -> dict[tuple[str, str], str]:
        """(cause, object) of each active alarm -> "count of total"."""
        return {
            (alarm.cause, alarm.object_id): f"{alarm.count} of {alarm.total}"
            for alarm in self.active.values()
        }

    def history(self) -> list[tuple[str, str, int]]:
        """(cause, object, most members) of each alarm that nothing wider absorbed."""
        return sorted(
            (record.verdict.cause, record.verdict.object_id, record.most)
            for record in self.book.values()
            if not record.absorbed
        )

    def _live(self, lamp: Lamp) -> None:
        if lamp.dead_at_s is not None and self.now_s >= lamp.dead_at_s:
            lamp.dead_at_s = None
            lamp.next_report_s = 0
            self._last_will(lamp)
        alive = lamp.mains or lamp.dead_at_s is not None
        if not alive or not lamp.linked or self.now_s < lamp.next_report_s:
            return
        if not lamp.connected:
            self._connect(lamp)
        lamp.next_report_s = self.now_s + self.report_s
        self._say(lamp, mains=lamp.mains, certain=False)

    def _connect(self, lamp: Lamp) -> None:
        """A new connection: will and last gasp get their numbers now, before all reports."""
        lamp.connected = True
        if lamp.seq == 0:
            self._say(lamp, mains=lamp.mains, certain=True)
        lamp.will = (lamp.boot, lamp.seq + 1)
        lamp.gasp = (lamp.boot, lamp.seq + 2)
        lamp.seq += 2

    def _last_will(self, lamp: Lamp) -> None:
        if not lamp.connected:
            return
        lamp.connected = False
        if self.chance.random() < self.network.will_loss:
            return
        seen = Observation(lamp.node_id, lamp.will, 0, will=True)
        self._send(seen, self.chance.randint(0, self.network.keepalive_s))

    def _say(self, lamp: Lamp, *, mains: bool, certain: bool) -> None:
        lamp.seq += 1
        stamp = (lamp.boot, lamp.seq)
        self._send(Observation(lamp.node_id, stamp, 0, self.now_s, mains=mains, certain=certain))

    def _send(self, seen: Observation, least_s: int = 0) -> None:
        copies = 2 if self.chance.random() < self.network.repeat else 1
        for _ in range(copies):
            arrives_s = self.now_s + least_s + self.chance.randint(0, self.network.delay_s)
            self.post.append((arrives_s, self.chance.randrange(1 << 30), seen))

    def _deliver(self) -> None:
        due = sorted((*item[:2], index) for index, item in enumerate(self.post))
        taken: set[int] = set()
        for arrives_s, _, index in due:
            if arrives_s > self.now_s or self.link_up_s is None:
                break
            taken.add(index)
            seen = self.post[index][2]
            moved = replace(seen, received_s=self.now_s)
            old = self.evidence.get(seen.node_id, Evidence(seen.node_id))
            self.evidence[seen.node_id] = fold(old, moved)
        self.post = [item for index, item in enumerate(self.post) if index not in taken]

    def _decide(self) -> None:
        for change in decide(self.situation(), list(self.active.values())):
            if isinstance(change, Raise):
                self._end(change.absorbs, absorbed=True)
                number = len(self.book) + 1
                self.active[number] = opened(number, change.verdict)
                self.book[number] = Record(
                    change.verdict, self.now_s, most=len(change.verdict.members)
                )
            elif isinstance(change, Update):
                self._end(change.absorbs, absorbed=True)
                self.active[change.alarm_id] = updated(self.active[change.alarm_id], change)
                record = self.book[change.alarm_id]
                record.most = max(record.most, len(change.members))
            else:
                assert isinstance(change, Clear)
                self._end((change.alarm_id,), absorbed=False)

    def _end(self, numbers: tuple[int, ...], *, absorbed: bool) -> None:
        for number in numbers:
            del self.active[number]
            self.book[number].cleared_s = self.now_s
            self.book[number].absorbed = absorbed
