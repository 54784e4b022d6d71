# MLX90614 infrared thermometer: temperature of what it looks at, without touching it.
# Source: Melexis MLX90614 datasheet, section 8.4 (SMBus) and 8.7.2: raw = 50 per kelvin.

from firmware.core.errors import SensorError
from firmware.drivers.crc import crc8

_OBJECT = 0x07
_FRAME_BYTES = 3


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._i2c = board.bus(settings["bus"])
        self._address = settings["address"]

    # Millidegrees Celsius. Raises SensorError.
    async def read(self) -> int:
        try:
            raw = self._i2c.readfrom_mem(self._address, _OBJECT, _FRAME_BYTES)
        except OSError as error:
            raise SensorError("mlx90614: %r" % error) from None
        # The packet check covers the addresses that were on the wire.
        sent = bytes((self._address << 1, _OBJECT, self._address << 1 | 1)) + raw[:2]
        if crc8(sent, 0x07, 0x00) != raw[2]:
            raise SensorError("mlx90614 checksum")
        value = raw[0] | raw[1] << 8
        if value & 0x8000:
            raise SensorError("mlx90614 error flag")
        return value * 20 - 273150
