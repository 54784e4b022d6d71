"""When a node reports: each period, and at once when something changed.

reporter = Reporter(node, journal, shadow, clock, 900, link_rssi)
reporter.now()                      # something changed
supervisor.add("report", reporter.run, reporter.silence_ms())
"""

import asyncio
import time

from protocols.fields import scaled

# An alarm reports at once, a chattering one not more than this.
_PAUSE_MS = 1000
_STEP_MS = 5000


class Reporter:
    """Puts readings into the journal."""

    def __init__(
        self,
        node: object,
        journal: object,
        shadow: object,
        clock: object,
        default_s: int,
        rssi_dbm: object,
    ) -> None:
        """`default_s` is the period where none is desired; `rssi_dbm()` asks the link."""
        self._node = node
        self._journal = journal
        self._shadow = shadow
        self._clock = clock
        self._default_s = default_s
        self._rssi_dbm = rssi_dbm
        self._wanted = asyncio.Event()

    def silence_ms(self) -> int:
        """How long `run` may go without a beat."""
        return 2 * _STEP_MS

    def now(self) -> None:
        """Something changed: report as soon as the pause allows."""
        self._wanted.set()

    def period_s(self) -> int:
        """The period between reports."""
        return self._shadow.document.get("report_s") or self._default_s

    def report(self) -> None:
        """Report, if there is anything to say."""
        if not self._clock.is_set() or not self._node.is_ready():
            return  # a reading without a time names nothing, one without values says nothing
        readings = dict(self._node.readings())
        readings["rssi_dbm"] = self._rssi_dbm()
        readings["desired_version"] = self._shadow.version
        self._journal.report(scaled(self._journal.kind, readings))

    async def run(self, beat: object) -> None:
        """Report for ever."""
        last_ms = time.ticks_add(time.ticks_ms(), -_PAUSE_MS)
        while True:
            beat()
            period_s = self.period_s()
            urgent_s = getattr(self._node, "urgent_report_s", None)
            if urgent_s is not None:
                period_s = min(period_s, urgent_s)
            period_ms = 1000 * period_s
            passed_ms = time.ticks_diff(time.ticks_ms(), last_ms)
            wanted = self._wanted.is_set() and passed_ms >= _PAUSE_MS
            if wanted or passed_ms >= period_ms:
                self._wanted.clear()
                last_ms = time.ticks_ms()
                self.report()
                continue
            wait_ms = min(period_ms - passed_ms, _STEP_MS)
            if self._wanted.is_set():
                wait_ms = _PAUSE_MS - passed_ms
                await asyncio.sleep_ms(max(1, wait_ms))
                continue
            try:
                await asyncio.wait_for_ms(self._wanted.wait(), max(1, wait_ms))
            except asyncio.TimeoutError:
                pass  # the next report is due, or a beat
