"""Each labelled incident must end in the right alarms, and in no other."""

from __future__ import annotations

import random

import pytest

from fleet_server.alarms.situation import Policy
from tests.unit.fleet_server.alarms.city import City, Network, supply
from tests.unit.fleet_server.alarms.incidents import (
    CLEAN,
    HV,
    INCIDENTS,
    PLEIKU,
    Incident,
    Story,
    broker_restart,
    broker_restart_with_wills,
    dip,
    planned,
    planned_by_day_each_evening,
    unlinked,
)


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_incident_ends_in_its_labelled_alarms(incident: Incident) -> None:
    for seed in incident.seeds:
        city = City(supply(incident.feeders), incident.network, Policy(), seed=seed)
        incident.story(city)
        assert city.active_causes() == incident.label, f"seed {seed}"


NO_OUTAGE = [
    planned("hv", 200),
    planned("pk", 300),
    planned_by_day_each_evening,
    broker_restart,
    broker_restart_with_wills,
    dip("pk", 2),
    dip("hv", 20),
    unlinked("hv"),
    unlinked("pk", "dl"),
]


@pytest.mark.parametrize("story", NO_OUTAGE)
@pytest.mark.parametrize("network", [CLEAN, Network(repeat=0.5, delay_s=3)], ids=["clean", "bad"])
def test_no_outage_alarm_was_ever_raised(story: Story, network: Network) -> None:
    for seed in range(2):
        city = City(supply(PLEIKU), network, seed=seed)
        story(city)
        outages = [entry for entry in city.history() if entry[0].endswith("outage")]
        assert outages == [], f"seed {seed}"


@pytest.mark.parametrize(
    ("objects", "cause", "target", "lamps"),
    [
        (("hv",), "feeder_outage", "hv", 8),
        (("pk",), "cabinet_outage", "pk", 16),
        (("hv", "thd"), "cabinet_outage", "pk", 16),
        (("dl-none",), "", "", 0),
    ],
    ids=["feeder", "cabinet", "two feeders", "nothing"],
)
def test_one_alarm_for_the_whole_life_of_an_outage(
    objects: tuple[str, ...], cause: str, target: str, lamps: int
) -> None:
    for seed in range(4):
        city = City(supply(PLEIKU), Network(gasp_loss=0.3, repeat=0.3, delay_s=2), seed=seed)
        for name in objects:
            if cause:
                city.cut(name)
        city.run(90)
        for name in objects:
            if cause:
                city.restore(name)
        city.run(60)
        assert city.history() == ([(cause, target, lamps)] if cause else [])
        assert city.active == {}


def test_raised_within_five_seconds_of_the_confirmation_time_and_not_before() -> None:
    for seed in range(5):
        city = City(supply(PLEIKU), CLEAN, Policy(outage_confirm_s=30), seed=seed)
        city.cut("hv")
        cut_s = city.now_s
        city.run(60)
        (record,) = city.book.values()
        assert 30 <= record.raised_s - cut_s <= 35


def test_cleared_only_after_the_hold() -> None:
    city = City(supply(PLEIKU), CLEAN, Policy(restore_hold_s=10))
    city.cut("hv")
    city.run(60)
    city.restore("hv")
    back_s = city.now_s
    city.run(60)
    (record,) = city.book.values()
    assert record.cleared_s is not None
    assert 10 <= record.cleared_s - back_s <= 10 + 6


def test_mains_that_come_and_go_within_the_hold_are_the_same_alarm() -> None:
    city = City(supply(PLEIKU), CLEAN)
    city.cut("hv")
    city.run(60)
    for _ in range(4):
        city.restore("hv")
        city.run(8)
        city.cut("hv")
        city.run(25)
    assert city.active_causes() == {HV: "8 of 8"}
    assert city.history() == [("feeder_outage", "hv", 8)]


def test_demo_delays_give_one_alarm_too() -> None:
    policy = Policy(
        outage_confirm_s=5, restore_hold_s=3, communication_confirm_s=15, correlation_s=15
    )
    for seed in range(6):
        city = City(supply(PLEIKU), Network(keepalive_s=1), policy, seed=seed)
        city.cut("hv")
        city.run(20)
        assert city.active_causes() == {HV: "8 of 8"}
        city.restore("hv")
        city.run(25)
        assert city.active == {}
        assert city.history() == [("feeder_outage", "hv", 8)]


OBJECTS = ["hv", "thd", "nt", "pdl", "pk", "dl", "hv-1", "hv-2", "thd-5", "nt-3", "gh-1"]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_no_lamp_is_counted_twice_and_all_ends_well(seed: int) -> None:
    chance = random.Random(seed)
    network = Network(gasp_loss=0.2, repeat=0.3, delay_s=4)
    city = City(supply(PLEIKU, lamps_each=5), network, seed=seed)
    for _ in range(6):
        verb = chance.choice([city.cut, city.restore, city.unlink, city.link])
        verb(chance.choice(OBJECTS))
        for _ in range(chance.randrange(50)):
            city.run(1)
            counted = [node for alarm in city.active.values() for node in alarm.members]
            assert len(counted) == len(set(counted))
    for name in ("pk", "dl", "gh-1"):
        city.link(name)
        city.restore(name)
    city.run(300)
    assert city.active == {}
