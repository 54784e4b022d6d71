"""What is known of each node's mains and voice, folded from its messages. Pure.

Messages come late, twice, in the wrong order or never, so each fact keeps the (boot, seq) of the
message that it stands on and only a newer message moves it. Seconds are the machine's own clock
at the server ("system"), since a node's clock may be wrong and a demo city's runs fast.

Left to others: what the facts mean together (rules.py), where they are stored (service.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

Stamp = tuple[int, int]
"""(boot, seq) of a message; orders all that one node ever says."""

NEVER: Stamp = (-1, -1)

# A meter refreshes each 0.8 s, so a report made beside a last gasp may still show the voltage that
# is gone, and one made beside the return of the mains still none. No supercapacitor lasts longer
# than 8 s: what a report says after that is true.
LAG_S = 10


@dataclass(frozen=True, slots=True)
class Observation:
    """What one message says, without the wire around it.

    Attributes:
        received_s: System second at which the server stored it.
        at_s: The node's own time of it, which orders what one node says and no more.
        will: It is the broker's last will: the node itself said nothing.
        mains: Whether the message shows mains at the node; None where it does not tell.
        certain: The message is about the mains (last gasp, mains restored, cold boot), not a
            reading that may lag.
        faults: The faults that stand, where the message lists them all.
        faults_on: Faults that it adds.
        faults_off: Faults that it takes away.
        flood_level: Flood alarm level 0-3, where the message has one.
        sleep_s: City seconds that the node may be silent from now on because it sleeps; 0 for
            one that does not, None where the message does not tell.
    """

    node_id: str
    stamp: Stamp
    received_s: int
    at_s: int = 0
    will: bool = False
    mains: bool | None = None
    certain: bool = False
    faults: frozenset[str] | None = None
    faults_on: frozenset[str] = frozenset()
    faults_off: frozenset[str] = frozenset()
    flood_level: int | None = None
    sleep_s: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that counts about one node.

    Attributes:
        mains: The last fact about its mains; None while there was none.
        mains_since_s: Since when that fact holds.
        mains_boot: The boot in which it was told, mains_at_s the node's time of it.
        told_stamp: The last message about the mains (last gasp, mains restored, cold boot).
        gasped: The loss was told by a last gasp.
        heard_s: When the node itself last said something new; None if never.
        voice_since_s: Since when it speaks without a break.
        will_s: When the broker gave out its last will, unless it was heard again since.
        sleep_s: City seconds between its reports, if it sleeps between them; else 0.
    """

    node_id: str
    mains: bool | None = None
    mains_since_s: int = 0
    mains_boot: int = -1
    mains_at_s: int = 0
    told_stamp: Stamp = NEVER
    told_s: int = 0
    report_stamp: Stamp = NEVER
    gasped: bool = False
    heard_s: int | None = None
    heard_stamp: Stamp = NEVER
    voice_since_s: int = 0
    will_s: int | None = None
    will_stamp: Stamp = NEVER
    faults: frozenset[str] = frozenset()
    faults_stamp: Stamp = NEVER
    flood_level: int = 0
    flood_stamp: Stamp = NEVER
    sleep_s: int = 0
    sleep_stamp: Stamp = NEVER

    @property
    def dark(self) -> bool:
        """Whether the node itself told that its mains are gone."""
        return self.mains is False

    def silent_since_s(self, stale_s: int, now_s: int) -> int | None:
        """Since when nothing comes from a node that once spoke; None while it speaks."""
        # Who sleeps is away most of the time: a will tells that its goodbye was lost, no more.
        if self.will_s is not None and not self.sleep_s:
            return self.will_s
        if self.heard_s is not None and now_s - self.heard_s > stale_s:
            return self.heard_s + stale_s
        return None


def fold(evidence: Evidence, seen: Observation) -> Evidence:
    """The evidence with one more message in it; an older or repeated one changes nothing."""
    if seen.will:
        return _fold_will(evidence, seen)
    return _fold_conditions(_fold_voice(_fold_mains(evidence, seen), seen), seen)


def fold_all(known: Mapping[str, Evidence], seen: list[Observation]) -> dict[str, Evidence]:
    """Folds a batch; returns the nodes that it speaks of."""
    changed: dict[str, Evidence] = {}
    for item in seen:
        old = changed.get(item.node_id) or known.get(item.node_id) or Evidence(item.node_id)
        changed[item.node_id] = fold(old, item)
    return changed


def _fold_voice(evidence: Evidence, seen: Observation) -> Evidence:
    if seen.stamp <= evidence.heard_stamp:
        return evidence
    again = evidence.will_s is not None or seen.stamp[0] != evidence.heard_stamp[0]
    return replace(
        evidence,
        heard_s=seen.received_s,
        heard_stamp=seen.stamp,
        voice_since_s=seen.received_s if again else evidence.voice_since_s,
        will_s=None,
    )


def _fold_will(evidence: Evidence, seen: Observation) -> Evidence:
    # A will is numbered when the connection opens, so what was said since is newer than it.
    # One of an earlier boot tells of a connection that is over anyway; one that came already
    # is a repetition.
    if seen.stamp[0] < evidence.heard_stamp[0] or seen.stamp <= evidence.will_stamp:
        return evidence
    will_s = evidence.will_s if evidence.will_s is not None else seen.received_s
    return replace(evidence, will_s=will_s, will_stamp=seen.stamp)


def _fold_mains(evidence: Evidence, seen: Observation) -> Evidence:
    if seen.mains is None:
        return evidence
    return _fold_told(evidence, seen) if seen.certain else _fold_reading(evidence, seen)


def _fold_told(evidence: Evidence, seen: Observation) -> Evidence:
    # A last gasp is encoded, with its number, when the connection opens, so only other messages
    # about the mains can be newer than it; reports are numbered higher and prove nothing.
    if seen.stamp <= evidence.told_stamp or seen.stamp[0] < evidence.heard_stamp[0]:
        return evidence
    evidence = replace(evidence, told_stamp=seen.stamp, told_s=seen.received_s)
    return _with_mains(evidence, seen)


def _fold_reading(evidence: Evidence, seen: Observation) -> Evidence:
    if seen.stamp <= evidence.report_stamp or seen.stamp[0] < evidence.told_stamp[0]:
        return evidence
    evidence = replace(evidence, report_stamp=seen.stamp)
    if seen.mains != evidence.mains and seen.stamp[0] == evidence.mains_boot:
        lagging = (
            seen.stamp[0] == evidence.told_stamp[0] and seen.received_s - evidence.told_s < LAG_S
        )
        if lagging or seen.at_s < evidence.mains_at_s:
            return evidence
    return _with_mains(evidence, seen)


def _with_mains(evidence: Evidence, seen: Observation) -> Evidence:
    gasped = seen.certain and not seen.mains
    if seen.mains == evidence.mains:
        gasped = not seen.mains and (evidence.gasped or gasped)
        return replace(evidence, mains_boot=seen.stamp[0], mains_at_s=seen.at_s, gasped=gasped)
    return replace(
        evidence,
        mains=seen.mains,
        mains_since_s=seen.received_s,
        mains_boot=seen.stamp[0],
        mains_at_s=seen.at_s,
        gasped=gasped,
    )


def _fold_conditions(evidence: Evidence, seen: Observation) -> Evidence:
    if seen.flood_level is not None and seen.stamp > evidence.flood_stamp:
        evidence = replace(evidence, flood_level=seen.flood_level, flood_stamp=seen.stamp)
    if seen.sleep_s is not None and seen.stamp > evidence.sleep_stamp:
        evidence = replace(evidence, sleep_s=seen.sleep_s, sleep_stamp=seen.stamp)
    told = seen.faults is not None or seen.faults_on or seen.faults_off
    if not told or seen.stamp <= evidence.faults_stamp:
        return evidence
    base = evidence.faults if seen.faults is None else seen.faults
    faults = (base | seen.faults_on) - seen.faults_off
    return replace(evidence, faults=faults, faults_stamp=seen.stamp)
