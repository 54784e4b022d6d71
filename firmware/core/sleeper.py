"""The wakes of a node that sleeps: when to watch, report, use the radio, and end.

A wake is one boot out of deep sleep. It looks around; if nothing is due it sleeps again without
having touched the radio. What it must remember lies in RTC memory: the numbers of its
messages, when the next report and the next connection are due, how often the server was not
reached, what the node itself keeps. While a wake lasts, that record says so; a boot that finds
it so (a crash, the watchdog) takes a new boot number, so that no number is given twice. What
could not be sent waits in the outbox on flash.

    watch   each sleep_s, sooner while a fault is about to come or go, at once by a wake pin
    report  each report_s (the node may stretch it), and when there is news; then all is measured
    radio   with a report; after a failure again in 1, 2, 4 .. minutes, urgent ones sooner
    awake   until all is acknowledged, awake_s at most; longer only for an update
"""

import asyncio
import time

from firmware.core.kept import NODE
from firmware.core.limits import (
    AWAKE_UPDATE_MS,
    LISTEN_MS,
    QUICK_LOOK_S,
    QUICK_LOOKS,
    RADIO_RETRY_MAX_S,
    RADIO_RETRY_S,
    RADIO_RETRY_URGENT_S,
    RENEWAL_MS,
    WAKE_WATCHDOG_EXTRA_MS,
    WATCHDOG_MS,
)
from firmware.core.log import log
from protocols.codec import decode, encode
from protocols.errors import ProtocolError
from protocols.limits import REPORT_MAX_S

_FORM = 1
_STEP_MS = 20
_GOODBYE_MS = 1000


class Record:
    """What one wake leaves the next, in RTC memory."""

    def __init__(self, kept: object) -> None:
        """`kept` is a KeptMemory."""
        self._kept = kept
        self.boot = 0
        self.seq = 0
        self.is_awake = True
        # City seconds of the next report and the next connection.
        self.report_s = 0
        self.radio_s = 0
        # Connections that failed in a row; looks in a row that were sooner than usual.
        self.failures = 0
        self.quick = 0
        # The desired version whose update order has been dealt with.
        self.order = -1
        # Whether an alarm came or went that the server does not know of.
        self.is_urgent = False
        # The number of a last will that was not used, None for none.
        self.will_seq = None
        # City second of the next look at the own certificate.
        self.renew_s = 0
        self.rssi_dbm = None
        self.node = None
        self.is_known = False

    def load(self) -> None:
        """Read it; without one everything is due."""
        try:
            items = decode(self._kept.read(NODE) or b"")
            if isinstance(items, list) and len(items) == 14 and items[0] == _FORM:
                _, self.boot, self.seq, self.is_awake, self.report_s, self.radio_s = items[:6]
                self.failures, self.quick, self.order, self.is_urgent = items[6:10]
                self.will_seq, self.renew_s, self.rssi_dbm, self.node = items[10:]
                self.is_known = True
        except ProtocolError:
            pass  # none, or another application's

    def save(self, is_awake: bool) -> None:
        """Keep it."""
        items = [_FORM, self.boot, self.seq, is_awake, self.report_s, self.radio_s]
        items += [self.failures, self.quick, self.order, self.is_urgent, self.will_seq]
        items += [self.renew_s, self.rssi_dbm, self.node]
        self._kept.write(NODE, encode(items))


class WakeWatchdog:
    """Not fed: a wake that hangs ends with it. While an update works it is an ordinary one."""

    def __init__(self, make: object, timeout_ms: int, may_stay: object) -> None:
        """`make(timeout_ms)` starts the chip's watchdog, also anew."""
        self._make = make
        self._may_stay = may_stay
        self._watchdog = make(timeout_ms)
        self._is_ordinary = False

    def feed(self) -> None:
        """Called while all tasks are well."""
        if self._may_stay():
            if not self._is_ordinary:
                self._is_ordinary = True
                self._watchdog = self._make(WATCHDOG_MS)
            self._watchdog.feed()


class Sleeper:
    """One wake."""

    def __init__(
        self, config: dict, kept: object, clock: object, chip: object, health: object
    ) -> None:
        """`health` says why this boot is, and is told of its end."""
        self._began_ms = time.ticks_ms()
        self._sleep_s = config["sleep_s"]
        self._awake_ms = config["awake_s"] * 1000
        self._clock = clock
        self._health = health
        self._chip = chip
        self._record = record = Record(kept)
        record.load()
        # Whether this is the same boot, in the sense of the numbers, as that of the last wake.
        self.is_resumed = health.cause == "deep_sleep" and record.is_known and not record.is_awake
        if not self.is_resumed:
            record.will_seq = None
        self._node = None
        self._journal = None
        self._period_s = None
        self._is_due = False
        self._wants_radio = True
        self._is_urgent = False
        self._session = None
        self._updater = None
        self._shadow = None
        self._link = None
        self._renewal = None
        self._renew_check_s = config["renew_check_s"]
        self._is_renewing = False

    def numbers(self) -> tuple[int, int]:
        """(boot, next sequence number) to go on with, where this boot is resumed."""
        return self._record.boot, self._record.seq

    def watchdog(self) -> WakeWatchdog:
        """The watchdog of this wake."""
        timeout_ms = self._awake_ms + WAKE_WATCHDOG_EXTRA_MS
        return WakeWatchdog(self._chip.watchdog, timeout_ms, self._may_stay)

    def is_settled(self, desired_version: int) -> bool:
        """Whether the update order in a desired state was dealt with in an earlier wake."""
        return self._record.order == desired_version

    def look(self, node: object, journal: object, period_s: object, on_trial: bool) -> None:
        """Measure, and decide what this wake is for; `period_s()` is what reports are asked for."""
        record = self._record
        record.boot = journal.boot
        record.seq = journal.next_seq
        record.save(True)
        self._node = node
        self._journal = journal
        self._period_s = period_s
        node.rest(self._sleep_s, record.node, self._chip.is_woken_by_pin())
        before = node.news()
        alarms = node.alarms()
        asyncio.run(node.watch())
        now_s = self._clock.now_s()
        # A clock that was set back must not put a report off for long.
        is_time = not self.is_resumed or not 0 < record.report_s - now_s <= self.period_s()
        if is_time or node.is_unsettled() or node.news() != before:
            asyncio.run(node.gauge())
        has_news = node.news() != before
        self._is_urgent = node.alarms() != alarms
        record.is_urgent = record.is_urgent or self._is_urgent
        self._is_due = is_time or has_news
        waits = journal.outbox.waiting() > 0
        may_try = not 0 < record.radio_s - now_s <= RADIO_RETRY_MAX_S
        self._wants_radio = on_trial or has_news or ((self._is_due or waits) and may_try)

    def period_s(self) -> int:
        """Seconds between two reports as this node keeps them now."""
        return min(REPORT_MAX_S, self._period_s() * self._node.report_factor())

    def needs_radio(self) -> bool:
        """Whether this wake is to reach the server."""
        return self._wants_radio

    def is_due(self) -> bool:
        """Whether a report is to be made, once in this wake."""
        is_due = self._is_due
        self._is_due = False
        if is_due and self._clock.is_set():
            self._record.report_s = self._next_report_s()
        return is_due

    def rssi_dbm(self) -> int | None:
        """The signal of the last connection: a report is made before there is one."""
        return self._record.rssi_dbm

    def join(
        self, session: object, updater: object, shadow: object, link: object, renewal: object
    ) -> None:
        """What `run` waits for."""
        # A last will that nobody heard keeps its number, since each gap breaks a batch.
        session.will_seq = self._record.will_seq
        self._renewal = renewal
        self._session = session
        self._updater = updater
        self._shadow = shadow
        self._link = link

    async def run(self, beat: object) -> None:
        """Wait until the server has everything, or the time is over; then sleep."""
        session = self._session
        updater = self._updater
        quiet_ms = 0
        last_ms = time.ticks_ms()
        while not self._is_over():
            await asyncio.sleep_ms(_STEP_MS)
            beat()
            now_ms = time.ticks_ms()
            passed_ms = time.ticks_diff(now_ms, last_ms)
            last_ms = now_ms
            done = session.is_connected and not session.is_unsent() and not self._is_busy()
            quiet_ms = quiet_ms + passed_ms if done else 0
            if quiet_ms >= LISTEN_MS:
                break
            if session.last_error and not (
                session.is_connected or self._is_urgent or self._is_busy()
            ):
                break  # the next wake tries again; a fire is worth all of this one
        if session.is_connected:
            self._record.rssi_dbm = self._link.rssi_dbm()
        if not updater.is_busy():
            self._record.order = self._shadow.version
        try:
            await asyncio.wait_for_ms(session.leave(beat), _GOODBYE_MS)
        except asyncio.TimeoutError:
            pass  # the broker will have to speak the last will
        self.sleep(quiet_ms >= LISTEN_MS)

    async def renew(self, beat: object) -> None:
        """The task that looks after the certificate, once in a wake at most, mostly in none."""
        renewal = self._renewal
        record = self._record
        while not self._session.is_connected:
            beat()
            await asyncio.sleep_ms(_STEP_MS)
        now_s = self._clock.now_s()
        if renewal.is_due() and not 0 < record.renew_s - now_s <= self._renew_check_s:
            self._is_renewing = True
            record.renew_s = now_s + self._renew_check_s
            await renewal.look(beat)
            waited_ms = 0
            while renewal.is_due() and waited_ms < RENEWAL_MS:
                beat()
                await asyncio.sleep_ms(_STEP_MS)
                waited_ms += _STEP_MS
            self._is_renewing = False
        while True:
            beat()
            await asyncio.sleep_ms(1000)

    def sleep(self, is_told: bool) -> None:
        """End this wake; does not return. `is_told`: the server has everything."""
        record = self._record
        outbox = self._journal.outbox
        now_s = self._clock.now_s()
        if is_told:
            record.failures = record.radio_s = 0
            record.is_urgent = False
        elif self._wants_radio:
            record.failures = min(record.failures + 1, 16)
            most_s = RADIO_RETRY_URGENT_S if record.is_urgent else RADIO_RETRY_MAX_S
            wait_s = min(RADIO_RETRY_S << record.failures - 1, most_s)
            record.radio_s = now_s + wait_s // 2 + self._chip.random_bits(20) % (wait_s // 2 + 1)
        wake_s = min(now_s + self._sleep_s, record.report_s)
        if outbox.waiting() and record.radio_s:
            wake_s = min(wake_s, record.radio_s)
        pins = self._node.wake_pins()
        # What a pin tells of since the look at the beginning of this wake.
        is_odd = self._node.is_unsettled() or any(self._chip.is_high(pin) for pin in pins)
        record.quick = record.quick + 1 if is_odd else 0
        if 0 < record.quick <= QUICK_LOOKS:
            wake_s = min(wake_s, now_s + QUICK_LOOK_S)
        self._node.save()
        outbox.save()
        record.seq = self._journal.next_seq
        if self._session is not None:
            record.will_seq = self._session.will_seq
        record.node = self._node.keep()
        record.save(False)
        self._health.close("sleep")
        sleep_s = max(1, wake_s - now_s)
        awake_ms = time.ticks_diff(time.ticks_ms(), self._began_ms)
        log("sleep", "awake for %d ms, sleeps for %d s" % (awake_ms, sleep_s))
        self._chip.deep_sleep(sleep_s * 1000, pins)

    def _next_report_s(self) -> int:
        """One period after the last was due, so that reports keep their step."""
        now_s = self._clock.now_s()
        period_s = self.period_s()
        next_s = self._record.report_s + period_s
        return next_s if now_s < next_s <= now_s + period_s else now_s + period_s

    def _is_busy(self) -> bool:
        """Whether there is work that an ordinary wake is too short for."""
        return self._is_renewing or (self._updater is not None and self._updater.is_busy())

    def _may_stay(self) -> bool:
        return self._is_busy() and not self._is_over()

    def _is_over(self) -> bool:
        most_ms = AWAKE_UPDATE_MS if self._is_busy() else self._awake_ms
        return time.ticks_diff(time.ticks_ms(), self._began_ms) > most_ms
