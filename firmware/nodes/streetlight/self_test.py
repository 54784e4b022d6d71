"""The lamp's self-test: on, 50 %, 5 %, 100 %, off, with a reading of the power at each level.

Sans-IO but for `keep`: the owner sets the lamp to `level_percent` and hands in each reading of
the meter; when `see` says that it is done, `result` judges. An owner that forgets the test
half-way (the mains went, an operator spoke) has left nothing behind. At night the lamp is dark for
one step, some three seconds, and dimmed for two.

Imported for its minute and forgotten again: no heap is spent on it in between.
"""

from firmware.core.errors import SensorError
from firmware.core.log import log
from firmware.core.storage import write_checked
from firmware.nodes.streetlight.rules import expected_power_mw
from firmware.nodes.streetlight.turn import TEST_FILE
from protocols.codec import encode
from protocols.messages import SELF_TESTED

STEPS = (("on_mw", 100), ("half_mw", 50), ("low_mw", 5), ("full_mw", 100), ("off_mw", 0))
# Lamps warm up and gears ramp; a meter refreshes within a second.
_SETTLE_MS = 2500
# A meter that says nothing for so long says nothing about this level.
_SILENT_MS = 6000
_TOLERANCE_PERCENT = 40
_STANDBY_MW = 3000


class SelfTest:
    """One run."""

    def __init__(self, now_ms: int, diff: object) -> None:
        """`diff(a, b)` is the tick counter's own difference."""
        self._diff = diff
        self._since_ms = now_ms
        self.powers_mw = []

    @property
    def level_percent(self) -> int:
        """Where the lamp has to stand now."""
        return STEPS[min(len(self.powers_mw), len(STEPS) - 1)][1]

    def see(self, now_ms: int, power_mw: int | None) -> bool:
        """Take a reading, None where the meter has none; whether the test is done."""
        passed_ms = self._diff(now_ms, self._since_ms)
        if passed_ms >= (_SETTLE_MS if power_mw is not None else _SILENT_MS):
            self.powers_mw.append(power_mw)
            self._since_ms = now_ms
        return len(self.powers_mw) == len(STEPS)

    def result(self, rated_w: int, least_percent: int) -> dict:
        """What the event says: whether all is well, the fault if not, the powers.

        Args:
            rated_w: What the lamp draws at full output.
            least_percent: The lowest output that the gear can do.
        """
        fault = _fault_in(self.powers_mw, rated_w, least_percent)
        found = {"ok": fault is None}
        if fault is not None:
            found["fault"] = fault
        for index in range(len(STEPS)):
            found[STEPS[index][0]] = self.powers_mw[index]
        return found

    async def keep(self, result: dict, lamp: object, now_s: int, emit: object) -> None:
        """Store a result and say it, with what the gear knows of itself where it can tell."""
        if hasattr(lamp, "memory"):
            try:
                result.update(await lamp.memory())
            except SensorError as error:
                log("self-test", str(error))
        log("self-test", result.get("fault", "passed"))
        write_checked(TEST_FILE, encode([now_s, result]))
        emit(SELF_TESTED, result)


def _fault_in(powers_mw: list, rated_w: int, least_percent: int) -> str | None:
    if None in powers_mw:
        return "meter_failure"
    on_mw, half_mw, low_mw, full_mw, off_mw = powers_mw
    if off_mw > max(_STANDBY_MW, rated_w * 50):
        return "unexpected_on"
    if min(on_mw, full_mw) < max(_STANDBY_MW, rated_w * 100):
        return "lamp_failure"
    # Where the gear's least output is no less than a level, there is nothing to see.
    if least_percent < 45 and (half_mw * 100 > full_mw * 85 or low_mw * 100 > half_mw * 85):
        return "dimming_failure"
    for power_mw in (on_mw, full_mw):
        expected_mw = expected_power_mw(100, rated_w)
        if power_mw * 100 < expected_mw * (100 - _TOLERANCE_PERCENT):
            return "power_too_low"
        if power_mw * 100 > expected_mw * (100 + _TOLERANCE_PERCENT):
            return "power_too_high"
    return None
