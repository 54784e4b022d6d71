"""Storage, clock, outbox, journal, shadow, faults and counters on the device."""

import os
import time

import check

from firmware.core import shadow as shadow_module
from firmware.core import storage
from firmware.core.clock import Clock, civil_date, unix_s
from firmware.core.journal import Journal, next_boot
from firmware.core.outbox import Outbox
from firmware.core.shadow import Shadow
from firmware.nodes.common import Faults, median
from firmware.nodes.counters import Counters
from protocols import messages
from protocols.fields import FIELDS, STREETLIGHT

VALUES = [None] * len(FIELDS[STREETLIGHT])


class StillClock:
    """A clock that stands."""

    def __init__(self, now_s: int = 1764154800) -> None:
        self.at_s = now_s

    def now_s(self) -> int:
        return self.at_s


def journal() -> Journal:
    return Journal(STREETLIGHT, 7, StillClock(), Outbox())


def damage(path: str, index: int) -> None:
    with open(path, "rb") as file:
        data = bytearray(file.read())
    data[index] ^= 0x10
    with open(path, "wb") as file:
        file.write(data)


@check.case
def dates_agree_with_the_ports_own_calendar() -> None:
    # The 32-bit build's own calendar ends in 2038; the one under test in 2106.
    for second in range(946684800, 2147483647, 86400 * 41 + 12345):
        t = time.gmtime(second)
        check.equal(unix_s(t[0], t[1], t[2], t[3], t[4], t[5]), second)
        check.equal(civil_date(second // 86400), (t[0], t[1], t[2]))


@check.case
def leap_days_are_counted() -> None:
    check.equal(unix_s(2028, 2, 29, 0, 0, 0) + 86400, unix_s(2028, 3, 1, 0, 0, 0))
    check.equal(unix_s(2100, 2, 28, 0, 0, 0) + 86400, unix_s(2100, 3, 1, 0, 0, 0))
    check.equal(civil_date(unix_s(2028, 2, 29, 0, 0, 0) // 86400), (2028, 2, 29))


@check.case
def a_clock_is_set_and_read_back() -> None:
    class Rtc:
        moment = (2000, 1, 1, 5, 0, 0, 0, 0)

        def datetime(self, moment: tuple | None = None) -> tuple:
            if moment is not None:
                self.moment = moment
            return self.moment

    clock = Clock(Rtc())
    assert not clock.is_set()
    for second in (1764154800, 1709208000, 1798761599):
        clock.set(second)
        check.equal(clock.now_s(), second)
        check.equal(clock._rtc.moment[3], time.gmtime(second)[6])
    assert clock.is_set()


@check.case
def a_damaged_copy_is_answered_by_its_twin() -> None:
    storage.ensure_folder("s")
    storage.write_checked("s/x", b"precious")
    check.equal(storage.read_checked("s/x"), (b"precious", False))
    for index in (0, 5, -1):
        storage.write_checked("s/x", b"precious")
        damage("s/x", index)
        check.equal(storage.read_checked("s/x"), (b"precious", True))
    damage("s/x.twin", 2)
    check.equal(storage.read_checked("s/x"), (None, True))
    os.remove("s/x")
    os.remove("s/x.twin")
    check.equal(storage.read_checked("s/x"), (None, False))


@check.case
def half_a_write_leaves_the_old_file() -> None:
    storage.ensure_folder("s")
    storage.write_checked("s/y", b"old")
    with open("s/y.new", "wb") as file:
        file.write(b"ha")
    check.equal(storage.read_checked("s/y"), (b"old", False))
    with open("s/y", "wb") as file:
        file.write(b"\x01")
    check.equal(storage.read_checked("s/y"), (b"old", True))


@check.case
def a_full_outbox_drops_the_oldest_reports_and_counts_them() -> None:
    j = journal()
    for _ in range(250):
        j.report(VALUES)
    check.equal(j.outbox.dropped_reports, 10)
    channel, payload = j.outbox.take()
    check.equal(channel, "batch")
    _, boot, first, rows = messages.decode_batch(payload)
    check.equal((boot, first, len(rows)), (7, 10, 32))


@check.case
def telemetry_never_pushes_out_an_event() -> None:
    j = journal()
    j.event(messages.FAULT_ON, {"fault": "tilt"})
    for _ in range(300):
        j.report(VALUES)
    channel, payload = j.outbox.take()
    check.equal(channel, "event")
    check.equal(messages.decode_event(payload)[2], 0)
    check.equal(j.outbox.dropped_events, 0)


@check.case
def too_many_events_drop_their_own_oldest() -> None:
    j = journal()
    for _ in range(70):
        j.event(messages.BOOTED, {})
    check.equal(j.outbox.dropped_events, 6)
    check.equal(messages.decode_event(j.outbox.take()[1])[2], 6)


@check.case
def events_go_first_then_the_newest_state_then_reports() -> None:
    j = journal()
    j.report(VALUES)
    j.state(1, {"app": "1"})
    j.state(2, {"app": "1"})
    j.event(messages.BOOTED, {})
    taken = [j.outbox.take() for _ in range(3)]
    check.equal([entry[0] for entry in taken], ["event", "state", "report"])
    check.equal(messages.decode_state(taken[1][1])[4], 2)
    check.equal((j.outbox.take(), j.outbox.waiting()), (None, 0))


@check.case
def a_batch_ends_where_the_numbers_do_not_follow() -> None:
    j = journal()
    for step in range(6):
        if step == 3:
            j.event(messages.BOOTED, {})
        j.report([step] + VALUES[1:])
    j.outbox.take()
    sizes = []
    levels = []
    while True:
        entry = j.outbox.take()
        if entry is None:
            break
        _, _, first, rows = messages.decode_batch(entry[1])
        sizes.append((first, len(rows)))
        levels.extend([row[1][0] for row in rows])
    check.equal(sizes, [(0, 3), (4, 3)])
    check.equal(levels, [0, 1, 2, 3, 4, 5])


@check.case
def boots_count_up_and_a_lost_count_never_comes_again() -> None:
    storage.ensure_folder("state")
    check.equal(next_boot(1764154800, 1), (1, False))
    check.equal(next_boot(1764154800, 1), (2, False))
    damage("state/boot", 3)
    check.equal(next_boot(1764154800, 1), (3, False))
    damage("state/boot", 0)
    damage("state/boot.twin", 0)
    check.equal(next_boot(1764154800, 1), (1764154800 // 60 + 1, True))
    check.equal(next_boot(1764154800, 1), (1764154800 // 60 + 2, False))


@check.case
def a_new_board_counts_above_the_one_that_it_replaces() -> None:
    for name in ("state/boot", "state/boot.twin"):
        os.remove(name)
    check.equal(next_boot(1764154800, 812), (812, False))
    check.equal(next_boot(1764154800, 812), (813, False))


def shadow() -> tuple:
    events = []
    return Shadow(lambda code, detail: events.append((code, detail))), events


@check.case
def a_good_desired_state_survives_a_restart() -> None:
    storage.ensure_folder("state")
    first, events = shadow()
    first.load()
    assert first.take(messages.encode_desired(5, {"report_s": 30}))
    again, _ = shadow()
    again.load()
    check.equal((again.version, again.document, again.error), (5, {"report_s": 30}, None))
    assert not again.take(messages.encode_desired(5, {"report_s": 30}))
    check.equal(events, [])


@check.case
def a_desired_state_that_the_flash_does_not_store_is_refused_by_name() -> None:
    one, events = shadow()
    one.load()
    before = one.version, one.document

    def full(path: str, data: bytes) -> None:
        raise OSError(28)

    kept = shadow_module.write_checked
    shadow_module.write_checked = full
    try:
        assert not one.take(messages.encode_desired(before[0] + 1, {"report_s": 60}))
    finally:
        shadow_module.write_checked = kept
    check.equal((one.version, one.document), before)
    check.equal(one.error, "desired_storage_failure")
    check.equal(events[0][1]["reason"], "storage_failure")


@check.case
def bad_desired_states_leave_the_last_good_one_with_a_named_error() -> None:
    one, events = shadow()
    one.load()
    good = dict(one.document)
    far = {"level": 5, "from_s": 1764154800, "until_s": 1764154800 + 90000}
    for payload, name in (
        (b"\xff", "desired_malformed"),
        (b"\x83\x01\x06", "desired_truncated"),
        (b"\x83\x02\x06\xa0", "desired_wrong_version"),
        (messages.encode_desired(6, {"override": far}), "desired_out_of_range"),
        (messages.encode_desired(6, {"calendar": {}}), "desired_malformed"),
        (messages.encode_desired(6, {"colour": 3}), "desired_malformed"),
        (messages.encode_desired(4, {}), "desired_stale_version"),
        (None, "desired_oversized"),
    ):
        assert not one.take(payload), payload
        check.equal(one.error, name)
        check.equal((one.version, one.document), (5, good))
    check.equal([code for code, _ in events], [messages.DESIRED_REFUSED] * 8)
    check.equal(events[3][1]["version"], 6)
    assert one.take(messages.encode_desired(6, {}))
    check.equal(one.error, None)


@check.case
def a_damaged_stored_state_is_named() -> None:
    one, _ = shadow()
    one.load()
    damage("state/desired.cbor", 1)
    again, _ = shadow()
    again.load()
    check.equal((again.version, again.error), (6, "desired_damaged"))
    damage("state/desired.cbor.twin", 1)
    again, _ = shadow()
    again.load()
    check.equal((again.version, again.document, again.error), (0, {}, "desired_damaged"))


@check.case
def faults_come_and_go_with_hysteresis() -> None:
    events = []
    faults = Faults(STREETLIGHT, lambda code, detail: events.append((code, detail["fault"])))
    seen = (1, 1, 0, 1, 1, 1, 0, 1, 0, 0, 0)
    changes = [faults.see("tilt", bool(one)) for one in seen]
    check.equal([index for index in range(len(seen)) if changes[index]], [5, 10])
    check.equal(events, [(messages.FAULT_ON, "tilt"), (messages.FAULT_OFF, "tilt")])
    assert faults.see("tilt", True, True)
    assert faults.stands("tilt")


@check.case
def a_median_ignores_a_wild_echo() -> None:
    check.equal(median([500, 6000, 502, 501, 250]), 501)


@check.case
def counters_survive_a_restart() -> None:
    counters = Counters(("energy_mwh", "burn_s"))
    counters.add("energy_mwh", 123456789012)
    counters.add("burn_s", 77)
    counters.save()
    again = Counters(("energy_mwh", "burn_s"))
    check.equal((again.value("energy_mwh"), again.value("burn_s")), (123456789012, 77))
    damage("state/counters", 2)
    again = Counters(("energy_mwh", "burn_s"))
    check.equal((again.value("burn_s"), again.was_damaged), (77, True))


check.run()
