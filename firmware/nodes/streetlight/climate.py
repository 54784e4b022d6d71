"""What surrounds the lamp: daylight, the pole's tilt, the temperature of its gear."""

from firmware.core.errors import SensorError
from firmware.core.log import log
from firmware.nodes.streetlight import faults as rules


class Climate:
    """The sensors that a board may have beside lamp and meter."""

    def __init__(self, board: object, faults: object, values: dict) -> None:
        """`values` are the report's, filled here too."""
        self._light = board.part("photocell")
        self._tilt = board.part("tilt")
        self._heat = board.part("driver_temperature")
        self._faults = faults
        self._values = values

    async def look(self) -> bool:
        """Read all; whether a fault came or went."""
        faults = self._faults
        await self._read_into("illuminance_lx", self._light)
        tilt_deg = await self._read_into("tilt_deg", self._tilt)
        if self._heat is not None:
            await self._read_into("driver_temperature_c", self._heat)
        # Without a sensor of its own it is the gear that says it, see gear.py.
        heat_c = self._values.get("driver_temperature_c")
        changed = False
        if tilt_deg is not None:
            changed = faults.see("tilt", rules.is_leaning(tilt_deg, faults.stands("tilt")))
        if heat_c is not None:
            hot = rules.is_hot(heat_c, faults.stands("high_temperature"))
            changed = faults.see("high_temperature", hot) or changed
        return changed

    async def _read_into(self, name: str, sensor: object) -> float | None:
        try:
            self._values[name] = None if sensor is None else await sensor.read()
        except SensorError as error:
            self._values[name] = None
            log("climate", str(error))
        return self._values[name]
