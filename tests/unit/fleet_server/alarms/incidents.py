"""Incidents with a known truth: a story each, and the alarms that must stand at its end.

The labels were written before the rules were run on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.unit.fleet_server.alarms.city import City, Network

Story = Callable[[City], None]
Label = dict[tuple[str, str], str]

PLEIKU = {"pk": ["hv", "thd"], "dl": ["nt", "pdl"]}
THREE_FEEDERS = {"big": ["a", "b", "c"], "dl": ["nt", "pdl"]}
CLEAN = Network()
LATE = Network(delay_s=6)
TWICE = Network(repeat=0.7, delay_s=3)
LOSSY = Network(gasp_loss=0.4)
VERY_LOSSY = Network(gasp_loss=0.7, repeat=0.5, delay_s=4)
ONLY_WILLS = Network(gasp_loss=1.0)
NO_WILLS = Network(will_loss=1.0, gasp_loss=0.3)


@dataclass(frozen=True, slots=True)
class Incident:
    """A story and which alarms must stand at its end."""

    name: str
    story: Story
    label: Label
    network: Network = CLEAN
    feeders: dict[str, list[str]] = field(default_factory=lambda: PLEIKU)
    seeds: tuple[int, ...] = (1, 2)


def cut(*objects: str, wait: int = 50) -> Story:
    def story(city: City) -> None:
        for name in objects:
            city.cut(name)
        city.run(wait)

    return story


def one_after_the_other(first: str, second: str, pause: int, wait: int = 60) -> Story:
    def story(city: City) -> None:
        city.cut(first)
        city.run(pause)
        city.cut(second)
        city.run(wait)

    return story


def dip(name: str, seconds: int) -> Story:
    def story(city: City) -> None:
        city.cut(name)
        city.run(seconds)
        city.restore(name)
        city.run(100)

    return story


def unlinked(*objects: str, wait: int = 120) -> Story:
    def story(city: City) -> None:
        for name in objects:
            city.unlink(name)
        city.run(wait)

    return story


def planned(name: str, seconds: int) -> Story:
    def story(city: City) -> None:
        for lamp in city.under(name):
            city.excused[lamp.node_id] = city.now_s + seconds
        city.run(5)
        city.cut(name)
        city.run(seconds - 60)
        city.restore(name)
        city.run(120)

    return story


def planned_that_lasts_too_long(city: City) -> None:
    for lamp in city.under("hv"):
        city.excused[lamp.node_id] = city.now_s + 60
    city.cut("hv")
    city.run(120)


def planned_by_day_each_evening(city: City) -> None:
    """The cabinet's contactor cuts a lamp circuit by day."""
    for _ in range(3):
        for lamp in city.under("dl"):
            city.excused[lamp.node_id] = city.now_s + 120
        city.cut("dl")
        city.run(90)
        city.restore("dl")
        city.run(60)


def broker_restart(city: City) -> None:
    city.link_up_s = None
    for lamp in city.lamps.values():
        lamp.linked = False
    city.run(20)
    city.link_up_s = city.now_s
    for lamp in city.lamps.values():
        lamp.linked = True
        lamp.next_report_s = city.now_s + city.chance.randint(1, 15)
    city.run(120)


def broker_restart_with_wills(city: City) -> None:
    """A broker that ends in good order gives out every last will before it goes."""
    for name in ("pk", "dl"):
        city.unlink(name)
    city.run(6)
    city.link_up_s = None
    city.run(10)
    city.link_up_s = city.now_s
    for name in ("pk", "dl"):
        city.link(name)
    city.run(120)


def server_away_during_a_cut(city: City) -> None:
    """The server is away while a feeder goes dark; the broker keeps the messages."""
    city.link_up_s = None
    city.cut("hv")
    city.run(40)
    city.link_up_s = city.now_s
    city.run(60)


def grows(city: City) -> None:
    for number in (1, 2, 3):
        city.cut(f"hv-{number}")
    city.run(45)
    assert city.active_causes() == {("feeder_outage", "hv"): "3 of 8"}
    for number in (4, 5, 6, 7, 8):
        city.cut(f"hv-{number}")
    city.run(20)


def partly_restored(city: City) -> None:
    city.cut("hv")
    city.run(50)
    assert city.active_causes() == {("feeder_outage", "hv"): "8 of 8"}
    for number in (1, 2, 3, 4, 5):
        city.restore(f"hv-{number}")
    city.run(40)


def cabinet_partly_restored(city: City) -> None:
    city.cut("pk")
    city.run(50)
    city.restore("thd")
    city.run(60)


def lamp_then_its_feeder(city: City) -> None:
    city.cut("hv-3")
    city.run(300)
    assert city.active_causes() == {("lamp_outage", "hv-3"): "1 of 1"}
    city.cut("hv")
    city.run(50)


def flickers_before_it_goes(city: City) -> None:
    for _ in range(3):
        city.cut("hv")
        city.run(2)
        city.restore("hv")
        city.run(3)
    city.cut("hv")
    city.run(60)


def restored(*objects: str) -> Story:
    def story(city: City) -> None:
        for name in objects:
            city.cut(name)
        city.run(60)
        assert city.active_causes()
        for name in objects:
            city.restore(name)
        city.run(40)

    return story


def cut_without_a_word(city: City) -> None:
    """All gasps are lost, and no report falls into the seconds on the supercapacitor."""
    for lamp in city.under("hv"):
        lamp.next_report_s = city.now_s + 1000
    city.cut("hv")
    city.run(120)


def silent_for_days_then_its_feeder(city: City) -> None:
    city.unlink("hv-8")
    city.run(200)
    city.cut("hv")
    city.run(60)


def one_never_comes_back(city: City) -> None:
    """The feeder returns, but one lamp's own fuse has blown in the surge."""
    city.cut("hv")
    city.run(60)
    for number in range(1, 8):
        city.restore(f"hv-{number}")
    city.run(300)


def one_comes_back_without_a_voice(city: City) -> None:
    city.cut("hv")
    city.run(60)
    city.lamps["hv-4"].linked = False
    city.restore("hv")
    city.run(400)


HV = ("feeder_outage", "hv")
THD = ("feeder_outage", "thd")
PK = ("cabinet_outage", "pk")

INCIDENTS = [
    Incident("nothing happens", lambda city: city.run(300), {}),
    Incident("one lamp", cut("hv-3"), {("lamp_outage", "hv-3"): "1 of 1"}),
    Incident("one lamp, late", cut("hv-3"), {("lamp_outage", "hv-3"): "1 of 1"}, LATE),
    Incident(
        "two lamps of one feeder, hours apart",
        one_after_the_other("hv-3", "hv-6", 600),
        {("lamp_outage", "hv-3"): "1 of 1", ("lamp_outage", "hv-6"): "1 of 1"},
    ),
    Incident(
        "two lamps of two feeders",
        cut("hv-3", "nt-2"),
        {("lamp_outage", "hv-3"): "1 of 1", ("lamp_outage", "nt-2"): "1 of 1"},
    ),
    Incident("a feeder", cut("hv"), {HV: "8 of 8"}),
    Incident("a feeder, late and out of order", cut("hv"), {HV: "8 of 8"}, LATE),
    Incident("a feeder, everything twice", cut("hv"), {HV: "8 of 8"}, TWICE),
    Incident("a feeder, 40 % of last gasps lost", cut("hv"), {HV: "8 of 8"}, LOSSY),
    Incident(
        "a feeder, 70 % lost, twice, late", cut("hv"), {HV: "8 of 8"}, VERY_LOSSY, seeds=(1, 4)
    ),
    Incident("a feeder, no wills", cut("hv", wait=260), {HV: "8 of 8"}, NO_WILLS),
    Incident("the end of a feeder", cut("hv-6", "hv-7", "hv-8"), {HV: "3 of 8"}),
    Incident("a cabinet", cut("pk"), {PK: "16 of 16"}),
    Incident("a cabinet, late and out of order", cut("pk"), {PK: "16 of 16"}, LATE),
    Incident("a cabinet, 40 % of last gasps lost", cut("pk"), {PK: "16 of 16"}, LOSSY),
    Incident("a cabinet, everything twice", cut("pk"), {PK: "16 of 16"}, TWICE),
    Incident("both feeders, 2 s apart", one_after_the_other("hv", "thd", 2), {PK: "16 of 16"}),
    Incident(
        "both feeders, minutes apart", one_after_the_other("hv", "thd", 200), {PK: "16 of 16"}
    ),
    Incident(
        "two feeders of two cabinets",
        cut("hv", "nt"),
        {HV: "8 of 8", ("feeder_outage", "nt"): "8 of 8"},
    ),
    Incident(
        "both cabinets", cut("pk", "dl"), {PK: "16 of 16", ("cabinet_outage", "dl"): "16 of 16"}
    ),
    Incident(
        "two of three feeders, minutes apart",
        one_after_the_other("a", "b", 300),
        {("feeder_outage", "a"): "8 of 8", ("feeder_outage", "b"): "8 of 8"},
        feeders=THREE_FEEDERS,
    ),
    Incident(
        "two of three feeders at once",
        cut("a", "b"),
        {("cabinet_outage", "big"): "16 of 24"},
        feeders=THREE_FEEDERS,
    ),
    Incident("a feeder grows from its end", grows, {HV: "8 of 8"}),
    Incident("a feeder is partly restored", partly_restored, {HV: "3 of 8"}),
    Incident("a cabinet is partly restored", cabinet_partly_restored, {PK: "8 of 16"}),
    Incident(
        "a lamp, then its whole feeder",
        lamp_then_its_feeder,
        {("lamp_outage", "hv-3"): "1 of 1", HV: "7 of 8"},
    ),
    Incident("it flickers before it goes", flickers_before_it_goes, {HV: "8 of 8"}),
    Incident("a dip of 2 s", dip("pk", 2), {}),
    Incident("a dip of 20 s", dip("hv", 20), {}),
    Incident("a dip of 20 s, late", dip("hv", 20), {}, Network(delay_s=3)),
    Incident("a lamp is repaired", restored("hv-3"), {}),
    Incident("a feeder is restored", restored("hv"), {}),
    Incident("a feeder is restored, late and twice", restored("hv"), {}, TWICE),
    Incident("a feeder is restored, gasps lost", restored("hv"), {}, LOSSY),
    Incident("a cabinet is restored", restored("pk"), {}),
    Incident("both cabinets are restored", restored("pk", "dl"), {}, LATE),
    Incident("a greenhouse's own supply", cut("gh-1"), {("node_outage", "gh-1"): "0 of 0"}),
    Incident("planned switching", planned("hv", 200), {}),
    Incident("planned switching, cabinet, gasps lost", planned("pk", 300), {}, LOSSY),
    Incident("a lamp circuit by day", planned_by_day_each_evening, {}),
    Incident("planned, but too long", planned_that_lasts_too_long, {HV: "8 of 8"}),
    Incident("the broker restarts", broker_restart, {}),
    Incident("the broker restarts in good order", broker_restart_with_wills, {}),
    Incident("a cut while the server is away", server_away_during_a_cut, {HV: "8 of 8"}),
    Incident("an access point", unlinked("hv"), {("communication_loss", "hv"): "8 of 8"}),
    Incident(
        "an access point, late",
        unlinked("hv", wait=300),
        {("communication_loss", "hv"): "8 of 8"},
        LATE,
    ),
    Incident("a cell", unlinked("pk"), {("communication_loss", "pk"): "16 of 16"}),
    Incident("one radio", unlinked("hv-1"), {("communication_loss", "hv-1"): "1 of 1"}),
    Incident("a feeder, only reports tell", cut("hv"), {HV: "8 of 8"}, ONLY_WILLS, seeds=(1,)),
    Incident(
        "wills without gasps",
        cut_without_a_word,
        {("communication_loss", "hv"): "8 of 8"},
        ONLY_WILLS,
    ),
    Incident(
        "a silent lamp, then its feeder",
        silent_for_days_then_its_feeder,
        {("communication_loss", "hv-8"): "1 of 1", HV: "7 of 8"},
    ),
    Incident(
        "one lamp never comes back", one_never_comes_back, {("lamp_outage", "hv-8"): "1 of 1"}
    ),
    Incident(
        "one lamp comes back without a voice",
        one_comes_back_without_a_voice,
        {("lamp_outage", "hv-4"): "1 of 1"},
    ),
]
