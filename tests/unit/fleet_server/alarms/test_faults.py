"""Faults, fire and floods of single nodes."""

from __future__ import annotations

from fleet_server.alarms.decide import decide
from fleet_server.alarms.evidence import Evidence, Observation, fold
from fleet_server.alarms.life import Change, Clear, OpenAlarm, Raise, Update, opened, updated
from fleet_server.alarms.situation import Policy, Situation
from fleet_server.alarms.topology import Place, build

TOPOLOGY = build(
    [
        Place("lamp", "Lamp", True, "hv"),
        Place("other", "Other lamp", True, "hv"),
        Place("bin", "Bin", False),
        Place("gauge", "Gauge", False),
    ],
    [("hv", "HV", "pk")],
    [("pk", "PK")],
)


class Desk:
    """The active alarms after each thing that nodes say."""

    def __init__(self) -> None:
        self.evidence: dict[str, Evidence] = {}
        self.active: dict[int, OpenAlarm] = {}
        self.numbers = iter(range(1, 1000))

    def hear(self, seen: Observation) -> None:
        old = self.evidence.get(seen.node_id, Evidence(seen.node_id))
        self.evidence[seen.node_id] = fold(old, seen)

    def look(self, now_s: int) -> list[Change]:
        situation = Situation(TOPOLOGY, self.evidence, Policy(), now_s)
        changes = decide(situation, list(self.active.values()))
        for change in changes:
            if isinstance(change, Raise):
                number = next(self.numbers)
                self.active[number] = opened(number, change.verdict)
            elif isinstance(change, Update):
                self.active[change.alarm_id] = updated(self.active[change.alarm_id], change)
            else:
                del self.active[change.alarm_id]
        return changes


def faulty(node: str, seq: int, at_s: int, *faults: str) -> Observation:
    return Observation(node, (1, seq), at_s, faults=frozenset(faults))


def test_a_fire_is_an_alarm_at_once_and_ends_with_the_fault() -> None:
    desk = Desk()
    desk.hear(faulty("bin", 1, 100, "fire"))
    (raised,) = desk.look(100)
    assert isinstance(raised, Raise)
    assert (raised.verdict.key, raised.verdict.priority) == (
        ("node_fault", "node", "bin", "fire"),
        "critical",
    )
    assert desk.look(101) == []
    desk.hear(faulty("bin", 2, 110))
    (cleared,) = desk.look(110)
    assert isinstance(cleared, Clear)


def test_each_fault_of_a_node_is_its_own_alarm() -> None:
    desk = Desk()
    desk.hear(faulty("bin", 1, 100, "fire", "tilt"))
    assert len(desk.look(100)) == 2
    desk.hear(faulty("bin", 2, 110, "tilt"))
    assert len(desk.look(110)) == 1
    assert [alarm.which for alarm in desk.active.values()] == ["tilt"]


def test_a_rising_flood_is_one_alarm_that_asks_for_attention_again() -> None:
    desk = Desk()
    for seq, level in enumerate((1, 2, 3, 2)):
        desk.hear(Observation("gauge", (1, seq), 100 + seq, flood_level=level))
        (change,) = desk.look(100 + seq)
        if seq == 0:
            assert isinstance(change, Raise)
            assert change.verdict.evidence == {"level": 1}
        else:
            assert isinstance(change, Update)
            assert change.escalated == (level == seq + 1)
            assert change.priority == {1: "medium", 2: "high", 3: "critical"}[level]
    desk.hear(Observation("gauge", (1, 9), 120, flood_level=0))
    assert isinstance(desk.look(120)[0], Clear)


def test_electrical_faults_of_a_dark_lamp_are_silent_but_a_fallen_pole_is_not() -> None:
    desk = Desk()
    desk.hear(Observation("lamp", (1, 1), 50, mains=True))
    desk.hear(Observation("lamp", (1, 2), 100, mains=False, certain=True))
    desk.hear(faulty("lamp", 3, 101, "voltage_too_low", "lamp_failure", "tilt", "supply_loss"))
    desk.look(102)
    assert [alarm.which for alarm in desk.active.values()] == ["tilt"]
    desk.look(140)
    assert {alarm.cause for alarm in desk.active.values()} == {"node_fault", "lamp_outage"}


def test_a_lamp_fault_waits_until_the_mains_have_settled() -> None:
    desk = Desk()
    desk.hear(Observation("lamp", (1, 1), 100, mains=True, certain=True))
    desk.hear(faulty("lamp", 2, 101, "lamp_failure"))
    assert desk.look(101) == []
    assert len(desk.look(110)) == 1


def test_a_retired_node_takes_its_alarms_with_it() -> None:
    desk = Desk()
    desk.hear(faulty("bin", 1, 100, "fire"))
    desk.look(100)
    gone = build([Place("lamp", "Lamp", True, "hv")], [("hv", "HV", "pk")], [("pk", "PK")])
    situation = Situation(gone, {}, Policy(), 200)
    assert decide(situation, list(desk.active.values())) == [Clear(1)]
