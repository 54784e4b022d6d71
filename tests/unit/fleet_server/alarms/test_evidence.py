"""Evidence is the same however the messages come: late, twice or in another order."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fleet_server.alarms import observe
from fleet_server.alarms.evidence import LAG_S, Evidence, Observation, fold, fold_all
from fleet_server.alarms.observe import of_state
from fleet_server.alarms.situation import Policy, Situation
from fleet_server.alarms.topology import Place, build
from protocols.fields import CONTROL_CABINET, RESERVOIR, scaled
from protocols.messages import BOOTED, FAULT_ON, LAST_GASP

NODE = "pk-sl-001"


def said(boot: int, seq: int, at_s: int, mains: bool | None, certain: bool = False) -> Observation:
    return Observation(NODE, (boot, seq), at_s, at_s, mains=mains, certain=certain)


def folded(*seen: Observation) -> Evidence:
    return fold_all({}, list(seen))[NODE]


def test_a_last_gasp_makes_a_node_dark_and_a_cold_boot_lights_it() -> None:
    dark = folded(said(1, 1, 100, True), said(1, 2, 110, False, True))
    assert (dark.mains, dark.mains_since_s, dark.gasped) == (False, 110, True)
    lit = fold(dark, said(2, 1, 200, True, True))
    assert (lit.mains, lit.mains_since_s, lit.gasped) == (True, 200, False)


def test_a_report_with_a_lagging_meter_does_not_undo_a_last_gasp() -> None:
    gasp = said(1, 5, 100, False, True)
    lagging = folded(gasp, said(1, 6, 101, True))
    assert lagging.dark
    told = fold(lagging, said(1, 7, 102, True, True))
    assert not told.dark
    outlived = fold(lagging, said(1, 7, 100 + LAG_S, True))
    assert not outlived.dark, "no supercapacitor lasts so long: the mains must be back"


def test_an_older_message_changes_nothing() -> None:
    now = folded(said(2, 9, 100, True, True))
    assert fold(now, said(2, 8, 101, False, True)) == now
    assert fold(now, said(1, 99, 102, False, True)) == now


def test_a_last_gasp_counts_though_reports_are_numbered_higher() -> None:
    """Nodes encode it when they connect, so that its moment costs one write."""
    found = folded(said(1, 90, 101, True), said(1, 5, 102, False, True))
    assert (found.dark, found.gasped, found.mains_since_s) == (True, True, 102)


def test_a_last_gasp_overtaken_by_a_report_of_the_dark_node_is_still_counted_as_told() -> None:
    found = folded(said(1, 90, 101, False), said(1, 5, 102, False, True))
    assert (found.dark, found.gasped, found.mains_since_s) == (True, True, 101)


def test_a_report_from_before_the_last_gasp_does_not_undo_it_however_late() -> None:
    dark = folded(said(1, 5, 100, False, True))
    late = Observation(NODE, (1, 90), 300, 99, mains=True)
    assert fold(dark, late).dark


def test_a_report_with_a_lagging_meter_does_not_undo_the_return_of_the_mains() -> None:
    lit = folded(said(1, 5, 100, False, True), said(1, 6, 105, True, True))
    assert fold(lit, said(1, 7, 106, False)).mains is True
    assert fold(lit, said(1, 7, 105 + LAG_S, False)).mains is False


def test_a_will_silences_until_the_node_is_heard_again() -> None:
    spoke = folded(said(3, 4, 100, True))
    gone = fold(spoke, Observation(NODE, (3, 1), 130, will=True))
    assert gone.silent_since_s(1000, 140) == 130
    back = fold(gone, said(3, 5, 150, True))
    assert back.silent_since_s(1000, 160) is None
    assert back.voice_since_s == 150


def test_a_will_of_an_earlier_boot_or_a_repeated_one_proves_nothing() -> None:
    spoke = folded(said(3, 4, 100, True))
    assert fold(spoke, Observation(NODE, (2, 1), 130, will=True)) == spoke
    will = Observation(NODE, (3, 1), 130, will=True)
    back = fold(fold(spoke, will), said(3, 5, 150, True))
    assert fold(back, will) == back


def test_overdue_reports_are_silence() -> None:
    spoke = folded(said(1, 1, 100, True))
    assert spoke.silent_since_s(60, 160) is None
    assert spoke.silent_since_s(60, 161) == 160


def situation(evidence: Evidence, now_s: int, speed: float = 1.0) -> Situation:
    """A city of one node."""
    topology = build([Place(NODE, "Bin", False)], [], [])
    return Situation(topology, {NODE: evidence}, Policy(stale_s=60), now_s, 0, speed=speed)


def test_a_node_that_sleeps_is_missed_after_its_reports_and_not_before() -> None:
    asleep = folded(Observation(NODE, (1, 1), 1000, sleep_s=900))
    assert situation(asleep, 1000 + 2250).silent_since(NODE) is None
    assert situation(asleep, 1000 + 2251).silent_since(NODE) == 1000 + 2250
    # It sleeps by the city's clock, and we listen by ours.
    assert situation(asleep, 1061, speed=360).silent_since(NODE) == 1060
    # A goodbye that got lost makes the broker speak its will: it is asleep all the same.
    lost = fold(asleep, Observation(NODE, (1, 2), 1003, will=True))
    assert situation(lost, 1500).silent_since(NODE) is None
    assert situation(lost, 3300).silent_since(NODE) == 1000 + 2250
    # One that stays awake from now on says so.
    awake = fold(lost, Observation(NODE, (1, 3), 1600, sleep_s=0))
    assert situation(awake, 1661).silent_since(NODE) == 1660
    # An older word on it changes nothing, whatever way it took.
    assert fold(awake, Observation(NODE, (1, 2), 1700, sleep_s=900)).sleep_s == 0


def test_only_a_sound_interval_excuses_silence() -> None:
    for facts in ({}, {"sleep_s": None}, {"sleep_s": True}, {"sleep_s": -5}, {"sleep_s": 1 << 40}):
        assert of_state(NODE, (1, 1), 100, 100, facts).sleep_s == 0
    assert of_state(NODE, (1, 1), 100, 100, {"sleep_s": 900}).sleep_s == 900


def test_faults_follow_the_newest_list_or_event() -> None:
    listed = folded(Observation(NODE, (1, 3), 10, faults=frozenset({"tilt", "cycling"})))
    off = fold(listed, Observation(NODE, (1, 4), 11, faults_off=frozenset({"tilt"})))
    assert off.faults == {"cycling"}
    late = fold(off, Observation(NODE, (1, 2), 12, faults_on=frozenset({"leakage"})))
    assert late.faults == {"cycling"}


observations = st.builds(
    Observation,
    node_id=st.just(NODE),
    stamp=st.tuples(st.integers(0, 3), st.integers(0, 12)),
    received_s=st.just(1000),
    will=st.booleans(),
    mains=st.sampled_from([True, False, None]),
    certain=st.booleans(),
    faults=st.none() | st.frozensets(st.sampled_from(["tilt", "fire"])),
    flood_level=st.none() | st.integers(0, 3),
)


@given(st.lists(observations, max_size=20))
def test_a_message_that_comes_again_at_once_changes_nothing(seen: list[Observation]) -> None:
    once = Evidence(NODE)
    twice = Evidence(NODE)
    for item in seen:
        once = fold(once, item)
        twice = fold(fold(twice, item), item)
    assert once == twice


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_the_last_certain_word_on_the_mains_wins_in_any_order(
    words: list[tuple[bool, bool]], chance: Random
) -> None:
    seen = [said(1, number, 100, mains, True) for number, (mains, _) in enumerate(words)]
    shuffled = list(seen)
    chance.shuffle(shuffled)
    assert folded(*shuffled).mains == words[-1][0]


def test_a_cabinets_mains_is_there_while_any_of_its_phases_is() -> None:
    def mains(**volts: float | None) -> bool | None:
        row = scaled(CONTROL_CABINET, {f"voltage_{name}_v": volts[name] for name in volts})
        return observe.of_report("c", CONTROL_CABINET, (1, 1), 100, 100, row).mains

    assert mains(l1=230.0, l2=231.0, l3=229.0) is True
    assert mains(l1=0.0, l2=None, l3=229.0) is True
    assert mains(l1=3.0, l2=0.0, l3=12.0) is False
    # A dead meter says nothing of the mains.
    assert mains(l1=None, l2=None, l3=None) is None


def test_a_cabinet_is_believed_what_its_events_say() -> None:
    def heard(kind: int, code: int, **detail: object) -> Observation:
        return observe.of_event("c", kind, (1, 1), 100, 100, code, detail)

    assert heard(CONTROL_CABINET, BOOTED, mains=False).mains is False
    assert heard(CONTROL_CABINET, BOOTED).mains is True
    assert heard(RESERVOIR, BOOTED).mains is None
    assert heard(CONTROL_CABINET, LAST_GASP).mains is False
    found = heard(CONTROL_CABINET, FAULT_ON, fault="contactor_welded")
    assert found.faults_on == frozenset({"contactor_welded"})
