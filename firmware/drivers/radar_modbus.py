# Radar above the water on Modbus RTU: the distance down to it, and whether an echo is there.
# The board says which register holds the distance and what a count of it is, as makers differ.
# Source: FTS SDI-RADAR-300WL manual, table 4-5: function 3, 0x14 health of the level sensor
# (1 is well), 0x15 distance in millimetres.

from firmware.core.errors import SensorError

# A radar that has no echo says 0, or all ones, besides its health.
_NO_ECHO = (0, 0xFFFF)


class Driver:
    # Any distance that it tells lies in what it can measure.
    span = None

    def __init__(self, board: object, settings: dict) -> None:
        self._modbus = board.modbus(settings["bus"])
        self._address = settings["address"]
        self._function = settings["function"]
        self._register = settings["register"]
        self._health = settings["health"]
        self._unit_um = settings["unit_um"]
        self._mount_mm = settings["mount_mm"]

    # What the site says otherwise than the board.
    def place(self, config: dict) -> None:
        self._mount_mm = config.get("radar_mount_mm", self._mount_mm)

    # Distance in millimetres. Raises SensorError.
    async def read(self) -> int:
        # The register of the health stands before that of the distance.
        words = await self._modbus.read(
            self._function, self._address, self._register - self._health, 1 + self._health
        )
        if self._health and words[0] != 1 or words[-1] in _NO_ECHO:
            raise SensorError("radar has no echo")
        return words[-1] * self._unit_um // 1000

    # Height of the water in millimetres above the gauge's zero.
    def level_mm(self, distance_mm: int) -> int:
        return self._mount_mm - distance_mm
