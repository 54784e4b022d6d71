"""Tasks that fail, hang and end, under the supervisor on the device; backoff and HTTP heads."""

import asyncio

import check

from firmware.core import limits, supervisor
from firmware.core.errors import DownloadError
from firmware.core.supervisor import Supervisor
from firmware.net.backoff import Backoff
from firmware.net.http import parse_head

supervisor.RESTART_MIN_MS = 20
supervisor.RESTART_MAX_MS = 80
supervisor.SUPERVISOR_MS = 20


class Watchdog:
    """Counts how often it was fed."""

    def __init__(self) -> None:
        self.fed = 0

    def feed(self) -> None:
        self.fed += 1


async def run_for(tasks: list, milliseconds: int) -> tuple:
    """Supervise for a while: (supervisor, watchdog, feeds in the last third)."""
    watchdog = Watchdog()
    boss = Supervisor(watchdog)
    for name, start, silence_ms in tasks:
        boss.add(name, start, silence_ms)
    running = asyncio.create_task(boss.run())
    await asyncio.sleep_ms(milliseconds * 2 // 3)
    before = watchdog.fed
    await asyncio.sleep_ms(milliseconds // 3)
    fed = watchdog.fed - before
    stale = boss.stale()
    running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        pass
    return boss, stale, fed


async def healthy(beat: object) -> None:
    while True:
        beat()
        await asyncio.sleep_ms(10)


async def silent(beat: object) -> None:
    while True:
        await asyncio.sleep_ms(10)


@check.case
async def the_watchdog_is_fed_while_all_are_fresh() -> None:
    boss, stale, fed = await run_for([("a", healthy, 100), ("b", healthy, 100)], 300)
    check.equal((stale, boss.crashes(), boss.last_error()), ([], {}, None))
    assert fed >= 2


@check.case
async def one_silent_task_starves_the_watchdog() -> None:
    boss, stale, fed = await run_for([("a", healthy, 100), ("b", silent, 100)], 450)
    check.equal((stale, fed), (["b"], 0))


@check.case
async def a_failing_task_is_started_again_and_counted() -> int:
    starts = []

    async def fails(beat: object) -> None:
        starts.append(1)
        raise ValueError("broken")

    boss, stale, fed = await run_for([("a", healthy, 100), ("bad", fails, 30)], 400)
    assert 3 <= len(starts) <= 8, starts
    check.equal(boss.last_error(), ("bad", "ValueError"))
    assert boss.crashes()["bad"] >= 3
    # Waiting for its next start is known, and no silence.
    check.equal(stale, [])
    assert fed >= 2
    return len(starts)


@check.case
async def a_task_that_ends_is_started_again() -> None:
    starts = []

    async def ends(beat: object) -> None:
        starts.append(1)

    boss, _, _ = await run_for([("short", ends, 30)], 200)
    assert len(starts) >= 2
    check.equal(boss.last_error(), ("short", "ended"))


async def end_of(tasks: list, may_end: bool = True, milliseconds: int = 900) -> tuple:
    """Supervise until the run ends or time is over: (fatal, names of failures told, ticks)."""
    told = []
    ticks = []
    boss = Supervisor(Watchdog(), ticks.append, lambda task, error: told.append(task))
    boss.may_end = may_end
    for name, start, optional in tasks:
        boss.add(name, start, 100, optional)
    try:
        await asyncio.wait_for_ms(boss.run(), milliseconds)
    except asyncio.TimeoutError:
        pass
    return boss.fatal, told, ticks


async def fails_at_once(beat: object) -> None:
    raise ValueError("broken")


async def lacks_heap(beat: object) -> None:
    raise MemoryError()


@check.case
async def a_task_that_fails_for_good_ends_the_run() -> None:
    fatal, told, ticks = await end_of([("a", healthy, False), ("bad", fails_at_once, False)])
    check.equal((fatal[0], type(fatal[1])), ("bad", ValueError))
    # The last failure is the run's own.
    check.equal(told, ["bad"] * (limits.TASK_FAILURES - 1))
    assert ticks


@check.case
async def what_the_node_can_do_without_does_not_end_it() -> None:
    fatal, told, _ = await end_of([("a", healthy, False), ("bad", fails_at_once, True)])
    assert fatal is None and len(told) > limits.TASK_FAILURES


@check.case
async def in_safe_mode_nothing_ends_the_run() -> None:
    fatal, told, _ = await end_of([("a", healthy, False), ("bad", fails_at_once, False)], False)
    assert fatal is None and len(told) > limits.TASK_FAILURES


@check.case
async def a_heap_in_pieces_ends_the_run_whoever_met_it() -> None:
    fatal, told, _ = await end_of([("a", healthy, False), ("bad", lacks_heap, True)])
    check.equal((fatal[0], type(fatal[1])), ("bad", MemoryError))
    check.equal(len(told), limits.MEMORY_FAILURES - 1)


@check.case
async def a_good_run_between_failures_begins_the_count_anew() -> None:
    async def fails_later(beat: object) -> None:
        for _ in range(12):
            beat()
            await asyncio.sleep_ms(10)
        raise ValueError("now and then")

    fatal, told, _ = await end_of([("bad", fails_later, False)], milliseconds=1600)
    assert fatal is None and len(told) > limits.TASK_FAILURES, told


@check.case
async def cancelling_the_supervisor_ends_its_tasks() -> None:
    state = []

    async def tidy(beat: object) -> None:
        try:
            await healthy(beat)
        finally:
            state.append("tidied")

    await run_for([("a", tidy, 100)], 100)
    await asyncio.sleep_ms(30)
    check.equal(state, ["tidied"])


@check.case
def backoff_doubles_with_chance_up_to_its_cap() -> None:
    for bits in (0, (1 << 20) - 1):
        backoff = Backoff(lambda count, bits=bits: bits, 300000)
        full_ms = 1000
        for _ in range(12):
            wait_ms = backoff.next_ms()
            assert full_ms // 2 <= wait_ms <= full_ms
            full_ms = min(full_ms * 2, 300000)
        backoff.reset()
        assert backoff.next_ms() <= 1000
    check.equal(Backoff(lambda count: 0, 10)._cap_ms, limits.BACKOFF_MIN_MS)


def head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


@check.case
def the_asked_range_is_taken() -> None:
    good = head(
        "HTTP/1.1 206 Partial Content", "Content-Length: 100", "content-range: bytes 0-99/5000"
    )
    check.equal(parse_head(good, 0, 100), (100, 5000))
    last = head("HTTP/1.1 206 x", "Content-Length: 8", "Content-Range: bytes 4992-4999/5000")
    check.equal(parse_head(last, 4992, 4096), (8, 5000))


@check.case
def any_other_answer_is_refused() -> int:
    span = "Content-Range: bytes 0-99/5000"
    length = "Content-Length: 100"
    bad = (
        head("HTTP/1.1 200 OK", length, span),
        head("HTTP/1.1 404 Not Found", "Content-Length: 0"),
        head("HTTP/1.1 206 x", length),
        head("HTTP/1.1 206 x", span),
        head("HTTP/1.1 206 x", "Content-Length: 99", span),
        head("HTTP/1.1 206 x", "Content-Length: -1", span),
        head("HTTP/1.1 206 x", "Content-Length: 1e3", span),
        head("HTTP/1.1 206 x", length, "Content-Range: bytes 1-100/5000"),
        head("HTTP/1.1 206 x", length, "Content-Range: bytes 0-99/*"),
        head("HTTP/1.1 206 x", length, "Content-Range: bytes 0-99/50"),
        head("HTTP/1.1 206 x", length, "Content-Range: items 0-99/5000"),
        head("HTTP/1.1", length, span),
        head("", ""),
        b"\xff\xfe\x00",
    )
    for one in bad:
        check.raises(DownloadError, parse_head, one, 0, 100)
    return len(bad)


check.run()
