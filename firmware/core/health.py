"""How the last run ended, how many ended badly in a row, and whether this one keeps to the needful.

A chip reads a brown-out as a power-on and a panic as a reset, so each run leaves a mark of its
own in RTC memory: "end" is empty while it runs, and says why once it ends in order. Three runs
that end badly in a row make the next one safe: it lights (or measures) and updates, and leaves
out what it could do without. It ends by itself after a good run, longer each time, or when
a new desired state or release comes.

    health = Health(kept, chip.reset_cause(), "a/7", False)
    health.cause            # "brown_out", "panic", "crash", "update", ..
    health.ended            # what the crash report of the last run says, None if it ended well
    health.close("update")  # from here on a reset is one in order
"""

import gc
import io
import json
import sys
import time

from firmware.core.kept import BOOT, KeptMemory
from firmware.core.limits import (
    CRASH_REPORT_MS,
    CRASH_REPORTS,
    CRASHES_TO_SAFE,
    SAFE_ROUNDS,
    TRACE_CHARS,
)
from firmware.core.storage import read_checked, write_checked

_FILE = "state/crashes"
_RUNNING = ""
CRASH = "crash"
DEEP_SLEEP = "deep_sleep"
# Endings of a run that nobody ordered.
_BAD = ("brown_out", "panic", CRASH, "watchdog")
_NOTE_MS = 60000
_MOST_S = 1 << 30


def cause_of(chip_cause: str, note: dict | None) -> str:
    """Why this boot is, from the chip's word and the note of the last run, None without one.

    A power cut takes the note along; where it is still there, the supply only dipped.
    """
    if note is None:
        return chip_cause
    end = note.get("end")
    if chip_cause == "power_on":
        return "power_on" if end else "brown_out"
    if chip_cause == "reset":
        return end if isinstance(end, str) and end else "panic"
    return chip_cause


def describe(error: BaseException) -> tuple[str, str]:
    """(exception, place): the innermost places of its traceback first, both cut short."""
    text = ("%s: %s" % (type(error).__name__, error))[:TRACE_CHARS]
    lines = io.StringIO()
    sys.print_exception(error, lines)
    places = []
    for line in lines.getvalue().split("\n"):
        # "  File "firmware/nodes/streetlight.py", line 182, in _judge"
        words = line.strip().split('"')
        if len(words) == 3 and words[0] == "File ":
            numbers = words[2].split(" ")
            name = words[1].split("/")[-1]
            places.insert(0, "%s:%s %s" % (name, numbers[2].rstrip(","), numbers[-1]))
    return text, " < ".join(places)[:TRACE_CHARS]


class Health:
    """The record of this node's runs."""

    def __init__(self, kept: KeptMemory, chip_cause: str, release: str, on_trial: bool) -> None:
        """`release` names what runs: another one has a clean slate."""
        note = _note_of(kept)
        self.kept = kept
        self._release = release
        self.cause = cause_of(chip_cause, note)
        self.ended = None
        self._crashes, self._rounds = self._load()
        if self.cause in _BAD:
            self.ended = _report(self.cause, note or {})
            self._count(self._crashes + 1, self._rounds)
        elif self.cause == DEEP_SLEEP and self._crashes:
            self._count(0, 0)
        self.crashes = self._crashes
        # A release on trial proves itself whole; the bootstrap counts its attempts.
        self.is_safe = self._crashes >= CRASHES_TO_SAFE and not on_trial
        self._uptime_ms = 0
        self._last_ms = time.ticks_ms()
        self._noted_ms = self._last_ms
        self._tokens_ms = CRASH_REPORTS * CRASH_REPORT_MS
        self._task = None
        self._end = _RUNNING
        self._note()

    def uptime_s(self) -> int:
        """Seconds since boot; the tick counter alone wraps after twelve days."""
        self._pass_time()
        return min(self._uptime_ms // 1000, _MOST_S)

    def tick(self, silent: str = "") -> None:
        """Keep the note fresh; `silent` names tasks that broke their promise."""
        self._pass_time()
        now_ms = time.ticks_ms()
        if silent != (self._task or "") or time.ticks_diff(now_ms, self._noted_ms) >= _NOTE_MS:
            self._task = silent or None
            self._note()

    def close(self, why: str) -> None:
        """What ends this run from here on was meant: `why` is the next boot's cause."""
        self._end = why
        self._note()

    def reopen(self) -> None:
        """The end that was announced did not come: the mains is back."""
        self.close(_RUNNING)

    def fatal(self, task: str, error: BaseException) -> int:
        """Leave the report of an error that ends this run: the wait before the reset in ms."""
        gc.collect()
        exception, trace = describe(error)
        self._end = CRASH
        self._task = task
        self._note(exception, trace)
        return min(250 << min(self._crashes, 7), 30000)

    def task_report(self, task: str, error: BaseException) -> dict | None:
        """The report of a task that failed and is started again; None if there were too many."""
        self._pass_time()
        if self._tokens_ms < CRASH_REPORT_MS:
            return None
        self._tokens_ms -= CRASH_REPORT_MS
        exception, trace = describe(error)
        return {
            "cause": "task",
            "task": task,
            "exception": exception,
            "trace": trace,
            "heap_free_bytes": gc.mem_free(),
            "uptime_s": self.uptime_s(),
        }

    def is_over(self, good_run_s: int) -> bool:
        """Whether a safe run has been good for long enough, the longer the more there were."""
        return self.is_safe and self.uptime_s() >= good_run_s << min(self._rounds, SAFE_ROUNDS)

    def settle(self, good_run_s: int) -> None:
        """Forget the crashes before this run once it has been good for long enough."""
        if not self.is_safe and (self._crashes or self._rounds) and self.uptime_s() >= good_run_s:
            self._count(0, 0)

    def leave_safe_mode(self) -> None:
        """The next boot is a whole one again; the caller resets."""
        self._count(0, self._rounds + 1)
        self.close("safe_mode")

    def _pass_time(self) -> None:
        now_ms = time.ticks_ms()
        passed_ms = time.ticks_diff(now_ms, self._last_ms)
        self._last_ms = now_ms
        self._uptime_ms += passed_ms
        self._tokens_ms = min(self._tokens_ms + passed_ms, CRASH_REPORTS * CRASH_REPORT_MS)

    def _note(self, exception: str | None = None, trace: str | None = None) -> None:
        self._noted_ms = time.ticks_ms()
        note = {
            "end": self._end,
            "task": self._task and self._task[:TRACE_CHARS],
            "exception": exception,
            "trace": trace,
            "heap_free_bytes": gc.mem_free(),
            "uptime_s": self.uptime_s(),
        }
        try:
            try:
                self.kept.write(BOOT, json.dumps(note).encode())
            except ValueError:
                # Letters that JSON writes longer than they are: the names alone say enough.
                note["exception"] = note["trace"] = None
                self.kept.write(BOOT, json.dumps(note).encode())
        except MemoryError:
            gc.collect()  # the note before stays, and what needs the heap more will say so

    def _load(self) -> tuple[int, int]:
        data, _ = read_checked(_FILE)
        try:
            release, crashes, rounds = json.loads(data or "")
            if release == self._release and min(crashes, rounds) >= 0:
                return crashes, rounds
        except (ValueError, TypeError):
            pass  # none, or written by a release with another form
        return 0, 0

    def _count(self, crashes: int, rounds: int) -> None:
        self._crashes = min(crashes, 255)
        self._rounds = min(rounds, 255)
        try:
            write_checked(_FILE, json.dumps([self._release, self._crashes, self._rounds]).encode())
        except OSError:
            pass  # a flash that fails must not keep the lamp dark


def _note_of(kept: KeptMemory) -> dict | None:
    try:
        note = json.loads(kept.read(BOOT) or "")
    except (ValueError, UnicodeError):
        return None
    return note if isinstance(note, dict) else None


def _report(cause: str, note: dict) -> dict:
    """The detail of a crash event; the note may come from another release, so it is judged."""
    report = {"cause": cause}
    for key in ("task", "exception", "trace"):
        value = note.get(key)
        if isinstance(value, str) and value:
            report[key] = value[:TRACE_CHARS]
    for key in ("heap_free_bytes", "uptime_s"):
        value = note.get(key)
        if type(value) is int and 0 <= value <= _MOST_S:
            report[key] = value
    return report
