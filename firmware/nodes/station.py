"""What the sensor stations (bin, greenhouse, gauge) share: sensors read in turn, faults, files.

A sensor that fails leaves its reading empty and, when it keeps failing, raises the fault
that bears its name; the other sensors go on.
"""

import asyncio

from firmware.core.errors import SensorError
from firmware.core.log import log
from firmware.nodes.common import Faults
from firmware.nodes.counters import Counters

# Beyond the period: the slowest sensors together take a second.
_SILENCE_MS = 30000


class Station:
    """Base of the kinds without an actuator; a kind defines `_measure`."""

    def __init__(self, kind: int, config: dict, emit: object, counters: tuple[str, ...]) -> None:
        """`emit(code, detail)` queues an event."""
        self._period_ms = config["measure_ms"]
        self.kind = kind
        self._faults = Faults(kind, emit)
        self._counters = Counters(counters)
        self._values = {}
        self._rounds = 0
        self.gasp = None
        self.report_now = None
        # Report at least this often for now, whatever the period is; None: nothing is urgent.
        self.urgent_report_s = None
        # The name of what cannot be followed of the desired state.
        self.error = None

    def damaged_files(self) -> bool:
        """Whether the counters' file was found damaged."""
        return self._counters.was_damaged

    def boot_facts(self) -> dict:
        """What the boot event says of this kind: nothing more."""
        return {}

    def apply(self, desired: dict) -> None:
        """Nothing of a desired state but its report period concerns a station."""

    def connected(self) -> None:
        """A connection stands; a station on a battery has no last gasp to prepare."""

    def save(self) -> None:
        """Keep what a reset would lose."""
        self._counters.save()

    def self_test(self) -> bool:
        """Whether the sensors do their work; a kind says which it cannot do without."""
        return self._rounds > 0

    def is_ready(self) -> bool:
        """Whether the sensors were asked at least once."""
        return self._rounds > 0

    def readings(self) -> dict:
        """The values of a report by name."""
        self._values["faults"] = self._faults.bitmap
        return self._values

    def tasks(self) -> list[tuple]:
        """[(name, start(beat), longest silence in ms)]."""
        return [("sensors", self._keep_measuring, self._period_ms + _SILENCE_MS)]

    async def _keep_measuring(self, beat: object) -> None:
        # Who sleeps has measured before its tasks began.
        if self._rounds:
            await asyncio.sleep_ms(self._period_ms)
        while True:
            beat()
            before = self._faults.bitmap
            await self._measure()
            self._rounds += 1
            if self._faults.bitmap != before or self._rounds == 1:
                self.report_now()
            self._counters.save_if_due()
            await asyncio.sleep_ms(self._period_ms)

    async def _measure(self) -> None:
        raise NotImplementedError

    async def _read(self, sensor: object, fault: str | None) -> object:
        """A sensor's reading, None when it has none; its failure is observed as `fault`."""
        if sensor is None:
            return None
        try:
            value = await sensor.read()
        except SensorError as error:
            if fault is None or self._faults.see(fault, True):
                log("sensors", str(error))
            return None
        if fault is not None:
            self._faults.see(fault, False)
        return value
