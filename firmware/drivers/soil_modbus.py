# Soil probe for moisture, temperature and conductivity on Modbus RTU.
# Source: DFRobot SEN0601 protocol description, "Register address" (the same three registers in
# many probes): 0 moisture in 0.1 %, 1 temperature in 0.1 degrees, signed, 2 conductivity in uS/cm.

from firmware.core.errors import SensorError

_HOLDING = 3
_MOST_US_PER_CM = 20000


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._modbus = board.modbus(settings["bus"])
        self._address = settings["address"]

    # (moisture in 0.1 %, temperature in 0.1 degrees Celsius, conductivity in uS/cm).
    # Raises SensorError.
    async def read(self) -> tuple[int, int, int]:
        moisture, temperature, conductivity = await self._modbus.read(_HOLDING, self._address, 0, 3)
        if temperature & 0x8000:
            temperature -= 65536
        if moisture > 1000 or conductivity > _MOST_US_PER_CM:
            raise SensorError("soil probe says nonsense")
        return moisture, temperature, conductivity
