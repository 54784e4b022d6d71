"""A bin's rules by themselves: what echoes mean, and what one wake leaves the next."""

import check
from nor_flash import Chance

from firmware.core.kept import NODE, KeptMemory
from firmware.core.sleeper import Record
from firmware.nodes.smart_bin.fill import BURST, ENOUGH, Fill, fill_percent

GAP_MM = 280
DEPTH_MM = 1000
BLIND_MM = 250
CHANCE = Chance(17)


class Rtc:
    """The chip's memory."""

    def __init__(self) -> None:
        self.data = b""

    def memory(self, data: bytes | None = None) -> bytes | None:
        if data is None:
            return self.data
        self.data = bytes(data)
        return None


def new_fill() -> Fill:
    return Fill(GAP_MM, DEPTH_MM, BLIND_MM)


def echo(percent: int) -> int:
    return GAP_MM + DEPTH_MM * (100 - percent) // 100


@check.case
def the_fill_is_that_of_most_echoes_whatever_the_others_say() -> None:
    for _ in range(300):
        percent = CHANCE.below(101)
        echoes = [echo(percent)] * ENOUGH
        for _ in range(BURST - ENOUGH):
            echoes.insert(CHANCE.below(len(echoes) + 1), CHANCE.below(6000) + 1)
        fill = new_fill()
        check.equal(fill.take(echoes), False)
        check.equal((fill.percent, fill.is_blocked), (percent, False))


@check.case
def fewer_echoes_are_no_measurement_and_settle_nothing() -> None:
    fill = new_fill()
    fill.take([echo(80)] * 5)
    for count in range(ENOUGH):
        check.equal(fill.take([echo(0)] * count), False)
        check.equal((fill.percent, fill.distance_mm, fill.settled), (None, None, 80))
    check.equal(fill.take([echo(3)] * 5), True)


@check.case
def every_distance_is_a_fill_between_nothing_and_all() -> None:
    for distance_mm in range(0, 6001, 7):
        percent = fill_percent(distance_mm, GAP_MM, DEPTH_MM)
        assert 0 <= percent <= 100
    check.equal([fill_percent(echo(step), GAP_MM, DEPTH_MM) for step in (0, 50, 100)], [0, 50, 100])


@check.case
def what_rises_into_the_blind_zone_is_full_and_what_is_suddenly_there_covers_it() -> None:
    for before in range(0, 101, 5):
        fill = new_fill()
        fill.take([echo(before)] * 5)
        fill.take([BLIND_MM] * 5)
        check.equal(fill.is_blocked, before < 50)
        check.equal(fill.percent, None if before < 50 else 100)
        # It stays what it was called until something can be seen again.
        fill.take([BLIND_MM - 1] * 5)
        check.equal(fill.is_blocked, before < 50)
        fill.take([echo(60)] * 5)
        check.equal((fill.is_blocked, fill.percent), (False, 60))
    # Of a bin that was never seen otherwise nothing suspicious is known.
    fill = new_fill()
    fill.take([BLIND_MM] * 5)
    check.equal((fill.percent, fill.is_blocked), (100, False))


@check.case
def a_covered_sensor_is_no_collection_when_it_is_wiped() -> None:
    fill = new_fill()
    fill.take([echo(40)] * 5)
    fill.take([BLIND_MM] * 5)
    check.equal(fill.take([echo(38)] * 5), False)
    # A full bin that is fetched is one, out of the blind zone, too.
    fill.take([echo(90)] * 5)
    fill.take([BLIND_MM] * 5)
    check.equal(fill.take([echo(2)] * 5), True)


@check.case
def a_slow_sinking_is_no_collection_by_steps_and_one_by_its_sum() -> None:
    fill = new_fill()
    fill.take([echo(50)] * 5)
    taken = [fill.take([echo(percent)] * 5) for percent in range(49, 20, -1)]
    check.equal(taken.count(True), 1)


@check.case
def a_record_comes_back_and_a_damaged_or_strange_one_does_not() -> None:
    rtc = Rtc()
    record = Record(KeptMemory(rtc))
    record.load()
    check.equal((record.is_known, record.is_awake), (False, True))
    record.boot, record.seq, record.report_s, record.will_seq = 7, 70000, 1795312800, None
    record.node = [5, {"tilt": 2}, 80, False, 79, 410]
    record.save(False)
    again = Record(KeptMemory(rtc))
    again.load()
    check.equal((again.is_known, again.is_awake, again.boot, again.seq), (True, False, 7, 70000))
    check.equal((again.report_s, again.will_seq, again.node), (1795312800, None, record.node))
    assert len(rtc.data) <= 2048
    whole = rtc.data
    for _ in range(200):
        spoiled = bytearray(whole)
        at = NODE[0] + CHANCE.below(len(whole) - NODE[0])
        spoiled[at] ^= 1 << CHANCE.below(8)
        rtc.data = bytes(spoiled)
        other = Record(KeptMemory(rtc))
        other.load()
        check.equal(other.is_known, False)
    # Another release's form: it is as if there were none.
    for strange in (b"", b"\x80", b"\x8e\x02" + bytes(13), b"\x01", b"\xff"):
        KeptMemory(rtc).write(NODE, strange)
        other = Record(KeptMemory(rtc))
        other.load()
        check.equal(other.is_known, False)


check.run()
