"""How a run ended, crashes in a row, and safe mode, on the device."""

import os

import check

from firmware.core import health as module
from firmware.core import storage
from firmware.core.health import Health, cause_of, describe
from firmware.core.kept import BOOT, NODE, KeptMemory

storage.ensure_folder("state")


class Rtc:
    """RTC memory as the chip has it."""

    def __init__(self) -> None:
        self.bytes = b""

    def memory(self, data: bytes | None = None) -> bytes | None:
        if data is None:
            return self.bytes
        assert len(data) <= 2048
        self.bytes = bytes(data)
        return None


def fresh() -> KeptMemory:
    storage.remove("state/crashes")
    return KeptMemory(Rtc())


def boot(kept: KeptMemory, cause: str, release: str = "a/1", on_trial: bool = False) -> Health:
    return Health(kept, cause, release, on_trial)


@check.case
def areas_are_kept_apart_and_checked() -> None:
    rtc = Rtc()
    kept = KeptMemory(rtc)
    check.equal((kept.read(BOOT), kept.read(NODE)), (None, None))
    kept.write(NODE, b"n" * 1530)
    kept.write(BOOT, b"b" * 506)
    kept.write(BOOT, b"short")
    check.equal((kept.read(BOOT), kept.read(NODE)), (b"short", b"n" * 1530))
    check.raises(ValueError, kept.write, BOOT, b"b" * 507)
    check.raises(ValueError, kept.write, NODE, b"n" * 1531)
    check.equal((kept.read(BOOT), kept.read(NODE)), (b"short", b"n" * 1530))


@check.case
def a_flipped_bit_anywhere_empties_its_area_only() -> int:
    rtc = Rtc()
    kept = KeptMemory(rtc)
    kept.write(BOOT, b"boot")
    kept.write(NODE, b"node")
    good = rtc.bytes
    flips = 0
    for start, other in ((0, NODE), (512, BOOT)):
        for index in range(start, start + 10):
            for bit in range(8):
                rtc.bytes = good[:index] + bytes((good[index] ^ 1 << bit,)) + good[index + 1 :]
                area = BOOT if start == 0 else NODE
                check.equal(kept.read(area), None)
                assert kept.read(other) is not None
                flips += 1
    for size in range(len(good)):
        rtc.bytes = good[:size]
        kept.read(BOOT)
        check.equal(kept.read(NODE), None)
    return flips


@check.case
def a_chip_without_such_memory_keeps_nothing() -> None:
    kept = KeptMemory(object())
    kept.write(BOOT, b"x")
    check.equal(kept.read(BOOT), None)


@check.case
def causes_are_told_apart() -> None:
    running = {"end": ""}
    for chip, note, cause in (
        ("power_on", None, "power_on"),
        ("power_on", running, "brown_out"),
        ("power_on", {"end": "mains_lost"}, "power_on"),
        ("power_on", {}, "brown_out"),
        ("reset", None, "reset"),
        ("reset", running, "panic"),
        ("reset", {"end": "crash"}, "crash"),
        ("reset", {"end": "update"}, "update"),
        ("reset", {"end": 7}, "panic"),
        ("watchdog", running, "watchdog"),
        ("watchdog", None, "watchdog"),
        ("deep_sleep", {"end": "deep_sleep"}, "deep_sleep"),
        ("soft_reset", running, "soft_reset"),
    ):
        check.equal(cause_of(chip, note), cause)


@check.case
def a_first_boot_is_well() -> None:
    health = boot(fresh(), "power_on")
    check.equal((health.cause, health.ended, health.is_safe), ("power_on", None, False))


@check.case
def three_bad_ends_in_a_row_are_a_safe_mode() -> None:
    kept = fresh()
    boot(kept, "power_on")
    seen = []
    for cause in ("watchdog", "reset", "power_on", "reset"):
        health = boot(kept, cause)
        seen.append((health.cause, health.is_safe, health.crashes))
    check.equal(
        seen,
        [
            ("watchdog", False, 1),
            ("panic", False, 2),
            ("brown_out", True, 3),
            ("panic", True, 4),
        ],
    )
    # A power cut in between changes nothing.
    health = boot(KeptMemory(Rtc()), "power_on")
    check.equal((health.cause, health.is_safe, health.crashes), ("power_on", True, 4))


@check.case
def a_good_run_and_another_release_begin_anew() -> None:
    kept = fresh()
    boot(kept, "power_on")
    boot(kept, "watchdog")
    health = boot(kept, "watchdog")
    health.settle(1000)
    check.equal(boot(kept, "soft_reset").crashes, 2)
    health = boot(kept, "soft_reset")
    health.settle(0)
    check.equal(boot(kept, "watchdog").crashes, 1)
    boot(kept, "watchdog")
    check.equal(boot(kept, "watchdog", on_trial=True).is_safe, False)
    check.equal(boot(kept, "soft_reset").is_safe, True)
    check.equal(boot(kept, "watchdog", release="b/2").crashes, 1)


@check.case
def a_finished_cycle_of_a_sleeper_is_a_good_run() -> None:
    kept = fresh()
    boot(kept, "power_on")
    boot(kept, "watchdog").close("deep_sleep")
    health = boot(kept, "deep_sleep")
    check.equal((health.cause, health.crashes, health.ended), ("deep_sleep", 0, None))


@check.case
def a_safe_run_is_left_after_longer_each_time() -> None:
    kept = fresh()
    boot(kept, "power_on")
    waits = []
    for _ in range(7):
        for _ in range(3):
            health = boot(kept, "watchdog")
        assert health.is_safe
        wait_s = 1
        while True:
            health._uptime_ms = wait_s * 1000
            if health.is_over(1):
                break
            wait_s *= 2
        waits.append(wait_s)
        health.settle(0)
        health.leave_safe_mode()
        health = boot(kept, "reset")
        check.equal((health.cause, health.is_safe, health.ended), ("safe_mode", False, None))
    check.equal(waits, [1, 2, 4, 8, 16, 16, 16])
    health.settle(0)
    for _ in range(3):
        health = boot(kept, "watchdog")
    health._uptime_ms = 1000
    assert health.is_over(1)


def fails_inside() -> None:
    raise ValueError("frame " + "x" * 300)


@check.case
def what_ended_the_run_is_told_after_it() -> dict:
    kept = fresh()
    health = boot(kept, "power_on")
    try:
        fails_inside()
    except ValueError as error:
        wait_ms = health.fatal("meter", error)
    assert 0 < wait_ms < 1000
    ended = boot(kept, "reset").ended
    check.equal((ended["cause"], ended["task"]), ("crash", "meter"))
    assert ended["exception"].startswith("ValueError: frame x")
    check.equal(len(ended["exception"]), 120)
    assert ended["trace"].startswith("health.py:") and " fails_inside < " in ended["trace"]
    assert ended["heap_free_bytes"] > 1000 and ended["uptime_s"] >= 0
    return ended


@check.case
def letters_that_json_makes_long_do_not_hinder_it() -> None:
    kept = fresh()
    health = boot(kept, "power_on")
    health.fatal("meter", ValueError("\x01" * 500))
    ended = boot(kept, "reset").ended
    check.equal((ended["cause"], ended["task"]), ("crash", "meter"))


@check.case
def a_watchdog_tells_who_was_silent() -> None:
    kept = fresh()
    health = boot(kept, "power_on")
    health.tick("")
    health.tick("meter, climate")
    ended = boot(kept, "watchdog").ended
    check.equal((ended["cause"], ended["task"]), ("watchdog", "meter, climate"))


@check.case
def a_note_of_nonsense_is_no_crash_of_ours() -> int:
    count = 0
    for text in (
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe",
        b'{"end": {"a": 1}}',
        b'{"end": "crash", "task": 5, "exception": [], "uptime_s": -1, "heap_free_bytes": "x"}',
        b'{"end": "crash", "uptime_s": 99999999999999999999, "trace": null}',
        b'{"end": "crash", "task": "' + b"t" * 400 + b'"}',
    ):
        for chip in ("power_on", "reset", "watchdog", "deep_sleep"):
            kept = fresh()
            kept.write(BOOT, text)
            health = boot(kept, chip)
            for value in (health.ended or {}).values():
                assert isinstance(value, int) or len(value) <= 120, value
            count += 1
    for content in (b"", b"[]", b'["a/1", 1]', b'["a/1", "x", 0]', b'["a/1", -3, 0]', b"null"):
        kept = fresh()
        storage.write_checked("state/crashes", content)
        check.equal(boot(kept, "watchdog").crashes, 1)
        count += 1
    return count


@check.case
def reports_of_tasks_are_few() -> None:
    health = boot(fresh(), "power_on")
    told = [health.task_report("meter", ValueError("x")) for _ in range(20)]
    reports = [report for report in told if report is not None]
    check.equal(len(reports), 6)
    check.equal(reports[0]["cause"], "task")
    health._tokens_ms += 600000
    assert health.task_report("meter", ValueError("x")) is not None
    check.equal(health.task_report("meter", ValueError("x")), None)


@check.case
def a_flash_that_fails_does_not_stop_it() -> None:
    kept = fresh()
    os.rename("state", "gone")
    try:
        health = boot(kept, "watchdog")
    finally:
        os.rename("gone", "state")
    check.equal(health.crashes, 1)


@check.case
def places_are_named_from_the_innermost_out() -> None:
    try:
        fails_inside()
    except ValueError as error:
        text, trace = describe(error)
    assert text.startswith("ValueError: frame")
    places = trace.split(" < ")
    check.equal(places[0].split(" ")[1], "fails_inside")
    assert len(trace) <= module.TRACE_CHARS


check.run()
