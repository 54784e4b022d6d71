"""The outbox's flash through a power cut at every single write, in every mode of a cut.

A node's life with a small outbox is told once: reports, events, last gasps, deliveries,
outages in which the rings run over. Before each write, a copy of the flash suffers a cut in
that write and is opened again: what comes back is compared with what the life so far says.
After some of these cuts a second one hits each of the next writes.

    micropython ring_cuts.py <seed> <steps>
"""

import sys

import check

from firmware.core import flash as flash_limits

# A quarter of the real size, so that sectors fill and rings run over four times as often.
flash_limits.SECTOR_BYTES = 1024

from nor_flash import MODES, Chance, NorFlash

from firmware.core.cursor import CursorLog
from firmware.core.limits import ACKNOWLEDGED_UNSAVED
from firmware.core.outbox import Outbox
from firmware.core.ring import Ring, stored_bytes

EVENT_SECTORS = 3
REPORT_SECTORS = 4
SECTORS = 2 + 2 * (EVENT_SECTORS + REPORT_SECTORS)
# One of so many cuts is followed by a second one.
SECOND_CUTS = 37
IN_FLIGHT = 4
# Here the oldest of those on their way may be the last to be acknowledged.
MOST_REPEATED = ACKNOWLEDGED_UNSAVED + 2 * IN_FLIGHT


def open_small(flash: NorFlash) -> tuple:
    """(outbox, its two rings), small ones, so that they run over soon."""
    log = CursorLog(flash, 0, 4)
    events = Ring(flash, 2, EVENT_SECTORS)
    reports = Ring(flash, 2 + 2 * EVENT_SECTORS, REPORT_SECTORS)
    saved = log.values or (None, 0, None, 0)
    events.begin(saved[0], saved[1])
    reports.begin(saved[2], saved[3])
    return Outbox(events, reports, log), (events, reports)


def number_of(data: bytes) -> int:
    return int.from_bytes(data[1:5], "big")


def drain(outbox: Outbox) -> tuple[list, list]:
    """All records that still go out: (events, reports)."""
    found = {"event": [], "report": []}
    while True:
        entry = outbox.take()
        if entry is None:
            return found["event"], found["report"]
        found[entry[0]].append(entry[1])


class Lane:
    """What the life so far says of one ring."""

    def __init__(self) -> None:
        # By number: what append has returned for; what is being appended.
        self.stored = []
        self.coming = None
        # What the server has said that it has, in any order.
        self.arrived = set()
        self._done = 0

    def done(self, oldest: int) -> int:
        """The first number that is neither with the server nor given up by a full ring."""
        while self._done in self.arrived or self._done < oldest:
            self._done += 1
        return self._done


class Life:
    """One node's outbox, and cuts in each of its writes."""

    def __init__(self, seed: int) -> None:
        self.chance = Chance(seed)
        # Apart, so that the life does not depend on what is cut.
        self.noise = Chance(seed + 1000)
        self.flash = NorFlash(SECTORS)
        self.outbox, self.rings = open_small(self.flash)
        self.lanes = (Lane(), Lane())
        self.in_flight = []
        self.cuts = 0
        self.second_cuts = 0
        self.online = True
        self.flash.before_write = self.cut
        # As at each boot: the first event opens a sector, and leaves room for a last gasp.
        self.gasp_is_free = False
        self.add(0)

    def step(self) -> None:
        """Something happens to the node; the weather of its connection changes slowly."""
        what = self.chance.below(16)
        if what < 5:
            self.add(1)
        elif what < 9:
            self.add(0)
        elif what == 9:
            self.add(0, True)
        elif what == 10 and not self.chance.below(4):
            self.adopt()
        elif what == 10 and not self.chance.below(4):
            self.outbox.save()
        elif self.online:
            self.deliver()

    def payload(self, lane: int) -> bytes:
        number = len(self.lanes[lane].stored)
        return b"ER"[lane : lane + 1] + number.to_bytes(4, "big") + self.filling()

    def filling(self) -> bytes:
        return self.chance.bytes((16, 46, 120, 220)[self.chance.below(4)])

    def add(self, lane: int, is_last: bool = False) -> None:
        data = self.payload(lane)
        self.lanes[lane].coming = data
        erases = self.flash.erases
        if lane:
            self.outbox.add_report(0, data)
        elif is_last:
            data = data[:20]
            self.lanes[0].coming = data
            self.outbox.add_event(data, True)
            if self.gasp_is_free:
                check.equal(self.flash.erases, erases)
        else:
            self.outbox.add_event(data)
        if not lane:
            self.gasp_is_free = not is_last
        self.lanes[lane].stored.append(data)
        self.lanes[lane].coming = None

    def adopt(self) -> None:
        """A last gasp that was sent before it is stored."""
        if not self.gasp_is_free:
            return
        data = self.payload(0)[:20]
        entry = ("event", data)
        self.outbox.adopt(entry)
        self.lanes[0].coming = data
        self.in_flight.append(entry)
        taken = self.outbox.take()
        self.lanes[0].stored.append(data)
        self.lanes[0].coming = None
        self.gasp_is_free = False
        if taken is not None:
            self.in_flight.append(taken)

    def deliver(self) -> None:
        """Some go out, and some of those arrive, not always in order."""
        for _ in range(self.chance.below(12)):
            if len(self.in_flight) < IN_FLIGHT:
                entry = self.outbox.take()
                if entry is not None:
                    self.in_flight.append(entry)
            elif self.in_flight:
                at = self.chance.below(2) and self.chance.below(len(self.in_flight))
                entry = self.in_flight.pop(at)
                self.lanes[entry[0] == "report"].arrived.add(number_of(entry[1]))
                self.outbox.acknowledged(entry)

    def cut(self, sector: int, offset: int, data: bytes | None) -> None:
        self.cuts += 1
        for mode in MODES:
            flash = self.flash.after_cut(mode, sector, offset, data, self.noise)
            where = "cut %d, %s at %d:%d" % (self.cuts, mode, sector, offset)
            found = self.judge(flash, where)
            # A cursor sector that is gone leaves one: the next write must not be to that.
            is_cursor = sector < 2 and mode == "ruined" and self.cuts % 3 == 0
            if is_cursor or (self.cuts + MODES.index(mode)) % SECOND_CUTS == 0:
                self.cut_again(flash, found, where)

    def judge(self, flash: NorFlash, where: str) -> tuple[list, list]:
        """Open what the cut has left: (events, reports) as they still go out."""
        outbox, _ = open_small(flash)
        saved = outbox._saved
        found = drain(outbox)
        for lane in (0, 1):
            self.judge_lane(lane, found[lane], saved[2 * lane : 2 * lane + 2], where)
        if self.cuts % 16 == 0:
            # Draining has acknowledged nothing: the next boot finds the same.
            check.equal(drain(open_small(flash)[0]), found)
        return found

    def judge_lane(self, lane: int, found: list, saved: tuple, where: str) -> None:
        told = self.lanes[lane]
        where = "%s, lane %d: " % (where, lane)
        wanted = list(told.stored)
        if told.coming is not None and found and found[-1] == told.coming:
            wanted.append(told.coming)  # it may have made it
        first = len(wanted) - len(found)
        # A run without a gap up to the newest, each as it was given.
        check.equal((where, found), (where, wanted[first:]))
        acknowledged = self.outbox._saved[2 * lane]
        if first < acknowledged:
            raise AssertionError(where + "what is acknowledged on flash comes again")
        if saved[0] < acknowledged:
            raise AssertionError(where + "the cursor goes back")
        # Nothing is missing that was not acknowledged, or given up by a full ring.
        done = told.done(self.rings[lane]._first_number())
        if first > done:
            raise AssertionError(where + "%d is lost" % done)
        again = len([number for number in told.arrived if number >= first])
        if again > MOST_REPEATED:
            raise AssertionError(where + "%d come again" % again)

    def cut_again(self, flash: NorFlash, found: tuple, where: str) -> None:
        """The node works on after a cut, and each of its next writes is cut, too."""
        outbox, _ = open_small(flash)
        told = [list(found[0]), list(found[1])]
        coming = [None, None]

        def cut(sector: int, offset: int, data: bytes | None) -> None:
            self.second_cuts += 1
            for mode in MODES:
                again = flash.after_cut(mode, sector, offset, data, self.noise)
                left = drain(open_small(again)[0])
                for lane in (0, 1):
                    after = left[lane]
                    if coming[lane] is not None and after and after[-1] == coming[lane]:
                        after = after[:-1]
                    # Only a full ring may have given up its oldest.
                    missing = len(told[lane]) - len(after)
                    text = "%s, then %s at %d:%d, lane %d" % (where, mode, sector, offset, lane)
                    check.equal((text, after), (text, told[lane][max(0, missing) :]))
                    sectors = (EVENT_SECTORS, REPORT_SECTORS)[lane]
                    if missing > 0 and not self.is_worth(after, sectors - 3):
                        raise AssertionError(text + ": %d lost" % missing)

        flash.before_write = cut
        for number in range(3):
            for lane in (0, 1):
                coming[lane] = b"ER"[lane : lane + 1] + b"\xff\xff\xff" + bytes((number,)) * 40
                (outbox.add_event, lambda data: outbox.add_report(0, data))[lane](coming[lane])
                told[lane].append(coming[lane])
                coming[lane] = None
        outbox._saved = (0, 0, 0, 0)
        outbox.save()

    def is_worth(self, records: list, sectors: int) -> bool:
        """Whether records fill so many sectors, but for what a sector cannot hold at its end."""
        return sum([stored_bytes(len(record)) for record in records]) >= sectors * 760


@check.case
def a_cut_in_any_write_loses_nothing_and_repeats_little() -> dict:
    life = Life(int(sys.argv[1]))
    steps = int(sys.argv[2])
    for number in range(steps):
        # Half of the time there is no server, long enough for the rings to run over.
        life.online = number % (steps // 2) < steps // 4
        life.step()
    outbox = life.outbox
    return {
        "cuts": life.cuts,
        "second_cuts": life.second_cuts,
        "dropped": [outbox.dropped_events, outbox.dropped_reports],
        "stored": [len(lane.stored) for lane in life.lanes],
        "acknowledged": [outbox._cursors()[0], outbox._cursors()[2]],
        "erases": life.flash.erases,
    }


check.run()
