"""The record ring and the outbox on flash, at their real size: order, depth, wear, damage.

Long, but one idea: a program that runs on the device has its helpers beside it, and every
fault here is done to the same full ring on the same flash.
"""

import gc
import time

import check
from nor_flash import SECTOR_BYTES, Chance, NorFlash

from firmware.core.cursor import CursorLog
from firmware.core.flash import FileFlash
from firmware.core.limits import ACKNOWLEDGED_UNSAVED, LAST_GASP_BYTES
from firmware.core.outbox_flash import EVENT_SECTORS, OUTBOX_SECTORS, REPORT_SECTORS, open_outbox
from firmware.core.ring import Ring, stored_bytes
from protocols import messages
from protocols.fields import KIND_NAMES, SMART_BIN, STREETLIGHT, fields_of

WEEK_REPORTS = 672
NIGHT_S = 1795273200
CHANCE = Chance(99)
# A lamp at night: 46 to 48 bytes encoded.
ROW = [100, 2285, 440, 1003, 99, 500, 12345, 1234, 45, 12000, 3, -67, 1, 312]


def report(seq: int, boot: int = 312) -> bytes:
    row = list(ROW)
    row[1] += CHANCE.below(60)
    row[3] += CHANCE.below(20)
    return messages.encode_report(STREETLIGHT, boot, seq, NIGHT_S + 900 * seq, row)


def event(seq: int, boot: int = 312) -> bytes:
    detail = {"fault": "power_too_low"}
    return messages.encode_event(STREETLIGHT, boot, seq, NIGHT_S + seq, messages.FAULT_ON, detail)


def gasp(seq: int) -> bytes:
    return messages.encode_event(STREETLIGHT, 70000, seq + 70000, NIGHT_S, messages.LAST_GASP, {})


def drain(outbox: object, acknowledge: bool = False) -> list:
    """[(channel, boot, seq)] of what still goes out, batches taken apart."""
    found = []
    while True:
        entry = outbox.take()
        if entry is None:
            return found
        found.extend(names(entry))
        if acknowledge:
            outbox.acknowledged(entry)


def names(entry: tuple) -> list:
    if entry[0] == "batch":
        _, boot, first, rows = messages.decode_batch(entry[1])
        return [("report", boot, first + step) for step in range(len(rows))]
    if entry[0] == "report":
        _, boot, seq, _, _ = messages.decode_report(entry[1])
    else:
        _, boot, seq, _, _, _ = messages.decode_event(entry[1])
    return [(entry[0], boot, seq)]


def full_week(flash: object) -> object:
    outbox = open_outbox(flash)
    for seq in range(WEEK_REPORTS):
        outbox.add_report(seq, report(seq))
    return outbox


@check.case
def the_outbox_fits_its_partition() -> None:
    check.equal(OUTBOX_SECTORS, 2 + 2 * (EVENT_SECTORS + REPORT_SECTORS))
    assert OUTBOX_SECTORS <= 48
    check.raises(OSError, open_outbox, NorFlash(OUTBOX_SECTORS - 1))


@check.case
def a_week_without_a_broker_goes_out_in_order_as_batches() -> dict:
    flash = NorFlash(48)
    full_week(flash)
    for seq in range(WEEK_REPORTS, WEEK_REPORTS + 60):
        open_outbox(flash).add_event(event(seq))
    outbox = open_outbox(flash)
    check.equal(outbox.waiting(), WEEK_REPORTS + 60)
    sent = []
    sizes = []
    while True:
        entry = outbox.take()
        if entry is None:
            break
        sent.extend(names(entry))
        if entry[0] == "batch":
            sizes.append(len(entry[1]))
        outbox.acknowledged(entry)
    events = [("event", 312, WEEK_REPORTS + step) for step in range(60)]
    check.equal(sent, events + [("report", 312, seq) for seq in range(WEEK_REPORTS)])
    check.equal((outbox.waiting(), outbox.dropped_reports, outbox.dropped_events), (0, 0, 0))
    check.equal(open_outbox(flash).waiting(), 0)
    return {"batches": len(sizes), "batch_bytes": sum(sizes)}


def largest_report(kind: int, seq: int) -> bytes:
    """A report of this kind whose every value takes the most bytes that it can."""
    row = [field[4] if field[4] >= -field[3] else field[3] for field in fields_of(kind)]
    return messages.encode_report(kind, 0xFFFFFFFF, 0x10000 + seq, NIGHT_S + seq, row)


@check.case
def a_week_of_the_largest_reports_of_any_kind_waits() -> dict:
    sizes = {}
    for kind in KIND_NAMES:
        flash = NorFlash(48)
        outbox = open_outbox(flash)
        # The ring has run over before, so one of its sectors is being filled.
        for seq in range(WEEK_REPORTS + 400):
            outbox.add_report(seq, largest_report(kind, seq))
        outbox = open_outbox(flash)
        assert outbox.waiting() >= WEEK_REPORTS, (KIND_NAMES[kind], outbox.waiting())
        sizes[KIND_NAMES[kind]] = len(largest_report(kind, 0))
    return sizes


@check.case
def a_node_that_sleeps_between_its_reports_wears_its_flash_little_too() -> float:
    # Each report is delivered in a wake of its own, at whose end the cursor is saved.
    flash = NorFlash(48)
    records = 520
    for number in range(records):
        outbox = open_outbox(flash)
        outbox.add_report(number, largest_report(SMART_BIN, number))
        drain(outbox, True)
        outbox.save()
    per_record = flash.erases / records
    assert per_record <= 0.05, per_record
    return per_record


@check.case
def a_week_is_there_even_when_the_ring_has_run_over() -> int:
    flash = NorFlash(48)
    outbox = open_outbox(flash)
    for seq in range(5000):
        outbox.add_report(seq, report(seq))
        if seq % 97 == 0:
            assert outbox.waiting() >= min(seq + 1, WEEK_REPORTS)
    kept = outbox.waiting()
    check.equal(outbox.dropped_reports, 5000 - kept)
    again = open_outbox(flash)
    check.equal((again.waiting(), again.dropped_reports), (kept, 5000 - kept))
    check.equal(drain(again, True), [("report", 312, seq) for seq in range(5000 - kept, 5000)])
    again.save()
    check.equal(open_outbox(flash).dropped_reports, 5000 - kept)
    return kept


@check.case
def telemetry_never_pushes_out_an_event() -> None:
    flash = NorFlash(48)
    outbox = open_outbox(flash)
    for seq in range(40):
        outbox.add_event(event(seq))
    for seq in range(40, 3000):
        outbox.add_report(seq, report(seq))
    outbox = open_outbox(flash)
    check.equal(outbox.dropped_events, 0)
    check.equal(drain(outbox)[:40], [("event", 312, seq) for seq in range(40)])


@check.case
def too_many_events_drop_their_own_oldest_and_say_so() -> int:
    flash = NorFlash(48)
    outbox = open_outbox(flash)
    for seq in range(2000):
        outbox.add_event(event(seq))
    kept = outbox.waiting()
    assert kept >= 250
    check.equal(outbox.dropped_events, 2000 - kept)
    check.equal(
        drain(open_outbox(flash)), [("event", 312, seq) for seq in range(2000 - kept, 2000)]
    )
    return kept


@check.case
def reports_of_several_boots_never_share_a_batch() -> None:
    flash = NorFlash(48)
    told = []
    for boot in range(1, 9):
        outbox = open_outbox(flash)
        seq = 0
        for _ in range(boot):
            outbox.add_report(seq, report(seq, boot))
            told.append(("report", boot, seq))
            seq += 2 if seq == 3 else 1
    check.equal(drain(open_outbox(flash)), told)


@check.case
def a_record_of_another_contract_travels_alone() -> None:
    outbox = open_outbox(NorFlash(48))
    outbox.add_report(0, report(0))
    outbox.add_report(1, report(1))
    outbox.add_report(2, b"\x83\x02\x01\x02")
    outbox.add_report(3, report(3))
    outbox.add_report(4, report(4))
    taken = [outbox.take() for _ in range(4)]
    check.equal([entry and entry[0] for entry in taken], ["batch", "report", "batch", None])
    check.equal(taken[1][1], b"\x83\x02\x01\x02")


@check.case
def a_last_gasp_never_waits_for_an_erase() -> None:
    # Both ways to store it, behind whatever came before.
    writes = []
    for way in (0, 1):
        flash = NorFlash(48)
        outbox = open_outbox(flash)
        for seq in range(400):
            detail = {"reason": "x" * CHANCE.below(90)}
            code = messages.DESIRED_REFUSED
            outbox.add_event(messages.encode_event(STREETLIGHT, 7, 2 * seq, NIGHT_S, code, detail))
            drain(outbox, True)
            data = gasp(seq)
            entry = ("event", data)
            assert stored_bytes(len(data)) <= LAST_GASP_BYTES
            writes.clear()
            flash.before_write = lambda sector, offset, data: writes.append(data)
            if way:
                outbox.add_event(data, True)
            else:
                outbox.adopt(entry)
                check.equal(outbox.take(), None)
            flash.before_write = None
            # Its two copies before anything else; the cursor may follow.
            assert None not in writes[:2] and data in writes[0] and data in writes[1], writes
            check.equal(drain(open_outbox(flash))[-1], ("event", 70000, seq + 70000))
            drain(outbox, True)
            outbox.acknowledged(entry)


@check.case
def an_adopted_gasp_is_stored_until_it_is_acknowledged() -> None:
    flash = NorFlash(48)
    outbox = open_outbox(flash)
    outbox.add_event(event(0))
    entry = ("event", gasp(1))
    outbox.adopt(entry)
    first = outbox.take()
    check.equal(names(first), [("event", 312, 0)])
    check.equal(outbox.take(), None)
    told = [("event", 312, 0), ("event", 70000, 70001)]
    check.equal(drain(open_outbox(flash)), told)
    outbox.acknowledged(entry)
    outbox.save()
    check.equal(drain(open_outbox(flash)), told)
    outbox.acknowledged(first)
    outbox.save()
    check.equal(drain(open_outbox(flash)), [])
    # One that is acknowledged before it is stored is not stored at all.
    programs = flash.programs
    outbox.adopt(entry)
    outbox.acknowledged(entry)
    check.equal((outbox.take(), flash.programs), (None, programs))


@check.case
def the_cursor_waits_for_the_oldest_and_follows_a_few_behind() -> None:
    flash = NorFlash(48)
    outbox = open_outbox(flash)
    for seq in range(40):
        outbox.add_event(event(seq))
    entries = [outbox.take() for _ in range(40)]
    for entry in entries[1:]:
        outbox.acknowledged(entry)
    check.equal(len(drain(open_outbox(flash))), 40)
    outbox.acknowledged(entries[0])
    check.equal(drain(open_outbox(flash)), [])
    programs = flash.programs
    for seq in range(40, 40 + ACKNOWLEDGED_UNSAVED):
        outbox.add_event(event(seq))
        assert flash.programs - programs == 2, "the cursor was written for each"
        programs = flash.programs
        again = len(drain(open_outbox(flash)))
        check.equal(again, seq - 39)
        outbox.acknowledged(outbox.take())
    check.equal(drain(open_outbox(flash)), [])


@check.case
def two_months_wear_the_flash_little_and_evenly() -> dict:
    # 60 days, each delivered at once but for a week that waits; four events a day.
    flash = NorFlash(48)
    outbox = open_outbox(flash)
    records = 0
    for number in range(60 * 96):
        outbox.add_report(number, report(number))
        records += 1
        if number % 24 == 0:
            outbox.add_event(event(number))
            records += 1
        if not 20 * 96 <= number < 27 * 96:
            drain(outbox, True)
    check.equal((outbox.waiting(), outbox.dropped_reports), (0, 0))
    per_record = flash.erases / records
    assert per_record <= 0.05, per_record
    for start, sectors in ((2, EVENT_SECTORS), (2 + 2 * EVENT_SECTORS, REPORT_SECTORS)):
        wear = flash.wear[start : start + 2 * sectors]
        assert max(wear) - min(wear) <= 1, wear
    size = len(report(records))
    return {
        "erases_per_record": round(per_record, 4),
        "programs_per_record": round(flash.programs / records, 2),
        "bytes_per_record": round(flash.programmed_bytes / records, 1),
        "report_bytes": size,
        "stored_bytes": stored_bytes(size),
        "erases_a_year_of_the_worst_sector": max(flash.wear) * 365 // 60,
    }


@check.case
def a_full_ring_is_found_quickly_and_with_little_memory() -> dict:
    flash = NorFlash(48)
    outbox = full_week(flash)
    for seq in range(2000):
        outbox.add_report(seq, report(seq))
        outbox.add_event(event(seq))
    waiting = outbox.waiting()
    del outbox
    gc.collect()
    before = gc.mem_alloc()
    began_us = time.ticks_us()
    outbox = open_outbox(flash)
    mount_us = time.ticks_diff(time.ticks_us(), began_us)
    first = outbox.take()
    first_us = time.ticks_diff(time.ticks_us(), began_us)
    del first
    gc.collect()
    held = gc.mem_alloc() - before
    check.equal(outbox.waiting(), waiting - 1)
    # Budgets of the node: half a second, and no list of the records.
    assert first_us < 500000, first_us
    assert held < 4096, held
    return {"mount_us": mount_us, "first_record_us": first_us, "heap_bytes": held}


@check.case
def mounting_writes_nothing() -> None:
    flash = NorFlash(48)
    full_week(flash)
    writes = flash.erases + flash.programs
    drain(open_outbox(flash))
    check.equal(flash.erases + flash.programs, writes)


@check.case
def rot_anywhere_in_one_copy_is_answered_by_the_other() -> None:
    flash = NorFlash(48)
    outbox = full_week(flash)
    for seq in range(100):
        outbox.add_event(event(seq))
    outbox.acknowledged(outbox.take())
    outbox.save()
    told = drain(open_outbox(flash))
    for copy in (0, 1):
        rotten = NorFlash(48, flash.content)
        places = [(copy, 1), (2 + 6 * copy, 6), (14 + 16 * copy, 16)]
        for start, sectors in places:
            for _ in range(3 * sectors):
                at = start * SECTOR_BYTES + CHANCE.below(sectors * SECTOR_BYTES)
                rotten.content[at] ^= 1 << CHANCE.below(8)
        check.equal(drain(open_outbox(rotten)), told)
        for start, sectors in places:
            at = start * SECTOR_BYTES
            rotten.content[at : at + sectors * SECTOR_BYTES] = bytes(sectors * SECTOR_BYTES)
        check.equal(drain(open_outbox(rotten)), told)


@check.case
def a_record_that_is_gone_in_both_copies_is_counted_and_the_others_come() -> None:
    flash = NorFlash(48)
    full_week(flash)
    size = stored_bytes(len(report(1)))
    for start in (14, 30):
        at = (start + 2) * SECTOR_BYTES + 16 + 5 * size
        flash.content[at : at + 12] = bytes(12)
    outbox = open_outbox(flash)
    found = drain(outbox)
    check.equal((len(found), outbox.dropped_reports), (WEEK_REPORTS - 1, 1))
    for start in (14, 30):  # and a whole sector with its head
        at = (start + 4) * SECTOR_BYTES
        flash.content[at : at + 16] = bytes(16)
    outbox = open_outbox(flash)
    found = drain(outbox)
    check.equal(len(found) + outbox.dropped_reports, WEEK_REPORTS)
    assert 65 <= outbox.dropped_reports <= 75, outbox.dropped_reports


@check.case
def the_last_record_gone_does_not_hide_the_next() -> None:
    flash = NorFlash(48)
    outbox = open_outbox(flash)
    for seq in range(3):
        outbox.add_report(seq, report(seq))
    size = stored_bytes(len(report(1)))
    for start in (14, 30):
        at = start * SECTOR_BYTES + 16 + 2 * size
        flash.content[at : at + 12] = bytes(12)
    check.equal(len(drain(outbox)), 2)
    outbox.add_report(3, report(3))
    check.equal(drain(outbox), [("report", 312, 3)])
    outbox = open_outbox(flash)
    outbox.add_report(4, report(4))
    check.equal([name[2] for name in drain(outbox)], [0, 1, 3, 4])


@check.case
def a_lost_cursor_sends_again_and_loses_nothing() -> None:
    flash = NorFlash(48)
    outbox = full_week(flash)
    drain(outbox, True)
    flash.content[: 2 * SECTOR_BYTES] = bytes(2 * SECTOR_BYTES)
    outbox = open_outbox(flash)
    check.equal((len(drain(outbox, True)), outbox.dropped_reports), (WEEK_REPORTS, 0))
    check.equal(open_outbox(flash).waiting(), 0)


@check.case
def a_lost_ring_does_not_swallow_what_comes_after() -> None:
    flash = NorFlash(48)
    outbox = full_week(flash)
    drain(outbox, True)
    flash.content[14 * SECTOR_BYTES :] = CHANCE.bytes(SECTOR_BYTES) * 34
    for seq in range(3):
        outbox = open_outbox(flash)
        outbox.add_report(seq, report(seq, 400))
    check.equal(drain(open_outbox(flash)), [("report", 400, seq) for seq in range(3)])


@check.case
def a_board_that_dies_at_each_erase_gives_up_one_sector_only() -> None:
    class DeadError(Exception):
        pass

    def die(sector: int, offset: int, data: bytes | None) -> None:
        if data is None:
            raise DeadError

    flash = NorFlash(48)
    outbox = open_outbox(flash)
    for seq in range(1500):
        outbox.add_event(event(seq))
    told = drain(open_outbox(flash))
    for _ in range(40):
        outbox = open_outbox(flash)
        flash.before_write = die
        try:
            for seq in range(200):
                outbox.add_event(event(seq, 500))
        except DeadError:
            pass
        flash.before_write = None
    left = [name for name in drain(open_outbox(flash)) if name[1] == 312]
    most = SECTOR_BYTES // stored_bytes(len(event(1500)))
    check.equal(left, told[-len(left) :])
    assert len(told) - len(left) <= 2 * most, (len(told), len(left))


@check.case
def a_head_without_records_is_opened_again() -> None:
    class DeadError(Exception):
        pass

    def die(sector: int, offset: int, data: bytes | None) -> None:
        if data is not None and offset == 0 and sector >= 30:
            raise DeadError

    flash = NorFlash(48)
    outbox = open_outbox(flash)
    for seq in range(3000):
        outbox.add_report(seq, report(seq))
    told = drain(open_outbox(flash))
    flash.before_write = die
    for _ in range(20):  # each time the first copy's head is there and the second's is not
        outbox = open_outbox(flash)
        try:
            for seq in range(80):
                outbox.add_report(seq, report(seq, 500))
        except DeadError:
            pass
    flash.before_write = None
    left = [name for name in drain(open_outbox(flash)) if name[1] == 312]
    check.equal(left, told[-len(left) :])
    most = SECTOR_BYTES // stored_bytes(len(report(1)))
    assert len(told) - len(left) <= 2 * most, (len(told), len(left))


@check.case
def a_failing_flash_is_counted_and_does_not_stop_the_node() -> None:
    def fail(sector: int, offset: int, data: bytes | None) -> None:
        raise OSError(5)

    flash = NorFlash(48)
    outbox = open_outbox(flash)
    outbox.add_report(0, report(0))
    assert not outbox.is_failing
    flash.before_write = fail
    outbox.add_report(1, report(1))
    outbox.add_event(event(2))
    outbox.acknowledged(outbox.take())
    outbox.save()
    check.equal((outbox.dropped_reports, outbox.dropped_events, outbox.is_failing), (1, 1, True))
    flash.before_write = None
    outbox.add_report(3, report(3))
    check.equal(drain(outbox), [("report", 312, 3)])
    check.equal([name[2] for name in drain(open_outbox(flash))], [0, 3])


@check.case
def a_record_too_large_for_a_sector_is_counted() -> None:
    outbox = open_outbox(NorFlash(48))
    outbox.add_event(bytes(SECTOR_BYTES - 16 - LAST_GASP_BYTES))
    outbox.add_event(b"")
    check.equal((outbox.dropped_events, outbox.waiting()), (2, 0))
    outbox.add_event(bytes(SECTOR_BYTES - 16 - 8 - LAST_GASP_BYTES))
    check.equal(outbox.waiting(), 1)


@check.case
def numbers_go_on_past_the_half_that_a_record_carries() -> None:
    flash = NorFlash(8)
    ring = Ring(flash, 0, 4)
    ring.next = 0xFFF0
    for number in range(0xFFF0, 0x10020):
        check.equal(ring.append(number.to_bytes(4, "big")), number)
    ring = Ring(flash, 0, 4)
    ring.begin(0xFFF8, 0)
    for number in range(0xFFF8, 0x10020):
        check.equal(ring.read(), (number, number.to_bytes(4, "big")))
    check.equal(ring.read(), None)


@check.case
def a_cursor_log_keeps_the_newest_through_many_sectors() -> int:
    flash = NorFlash(2)
    log = CursorLog(flash, 0, 3)
    check.equal(log.values, None)
    for number in range(1000):
        log.save((number, 7, number * 3))
        if number % 13 == 0:
            log = CursorLog(flash, 0, 3)
            check.equal(log.values, (number, 7, number * 3))
    return flash.erases


@check.case
def a_damaged_cursor_copy_is_the_first_to_be_written() -> None:
    sectors = []
    for damaged in (0, 1):
        flash = NorFlash(2)
        log = CursorLog(flash, 0, 2)
        log.save((5, 6))
        at = damaged * SECTOR_BYTES
        flash.content[at : at + SECTOR_BYTES] = CHANCE.bytes(SECTOR_BYTES)
        log = CursorLog(flash, 0, 2)
        check.equal(log.values, (5, 6))
        sectors.clear()
        flash.before_write = lambda sector, offset, data: sectors.append(sector)
        log.save((7, 8))
        check.equal((sectors[0], sectors[-1]), (damaged, 1 - damaged))
        check.equal(CursorLog(flash, 0, 2).values, (7, 8))


@check.case
def a_folder_of_files_holds_the_same_ring() -> None:
    flash = FileFlash("ring_files", 48)
    outbox = open_outbox(flash)
    for seq in range(300):
        outbox.add_report(seq, report(seq))
    for seq in range(300, 400):
        outbox.add_event(event(seq))
    outbox = open_outbox(FileFlash("ring_files", 48))
    told = [("event", 312, seq) for seq in range(300, 400)]
    check.equal(drain(outbox, True), told + [("report", 312, seq) for seq in range(300)])
    outbox.save()
    check.equal(open_outbox(FileFlash("ring_files", 48)).waiting(), 0)


check.run()
