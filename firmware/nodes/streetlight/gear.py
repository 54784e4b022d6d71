"""Control gear that answers: asked how it is, in turns with its temperature.

Only imported where the board's lamp driver can ask.
"""

from firmware.core.errors import SensorError
from firmware.core.log import log

# In rounds of five seconds: a gear warms up in minutes.
_TEMPERATURE_ROUNDS = 12


class Gear:
    """The gear behind a driver with poll()."""

    def __init__(self, lamp: object, faults: object, values: dict) -> None:
        """`values` are the report's."""
        self._lamp = lamp
        self._faults = faults
        self._values = values
        self._round = 0

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
            changed = faults.see("control_gear_communication_failure", True)
            if changed:
                log("gear", str(error))
            return changed
        changed = faults.see("control_gear_communication_failure", False)
        for name, present in found.items():
            changed = faults.see(name, present) or changed
        return changed
