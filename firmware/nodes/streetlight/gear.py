"""Control gear that answers: asked how it is, in turns with its temperature.

Only imported where the board's lamp driver can ask.
"""

from firmware.core.errors import SensorError
from firmware.core.log import log

# In rounds of five seconds: a gear warms up in minutes.
_TEMPERATURE_ROUNDS = 12
_PAUSE_MS = 5000
_AGAIN_MS = 1000


class Gear:
    """The gear behind a driver with poll()."""

    def __init__(self, lamp: object, faults: object, values: dict) -> None:
        """`values` are the report's."""
        self._lamp = lamp
        self._faults = faults
        self._values = values
        self._round = 0
        # How long to rest before the next question: what went wrong is asked again soon.
        self.pause_ms = _PAUSE_MS

    async def look(self) -> bool:
        """Ask once; whether a fault came or went."""
        faults = self._faults
        try:
            found = await self._lamp.poll()
            if self._round % _TEMPERATURE_ROUNDS == 0:
                self._values["driver_temperature_c"] = await self._lamp.temperature_c()
            self._round += 1
        except SensorError as error:
            self._values["driver_temperature_c"] = None
            self._round = 0
            self.pause_ms = _AGAIN_MS
            changed = faults.see("control_gear_communication_failure", True)
            if changed:
                log("gear", str(error))
            return changed
        changed = faults.see("control_gear_communication_failure", False)
        silent = faults.stands("control_gear_communication_failure")
        self.pause_ms = _AGAIN_MS if silent else _PAUSE_MS
        for name, present in found.items():
            changed = faults.see(name, present) or changed
        return changed
