# BH1750 ambient light sensor, one-shot at high resolution (1 lx).
# Source: ROHM BH1750FVI datasheet, instruction set; 180 ms is its longest measurement.

import asyncio

from firmware.core.errors import SensorError

_ONE_SHOT = b"\x20"
_MEASURE_MS = 180


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._i2c = board.bus(settings["bus"])
        self._address = settings["address"]

    # Illuminance in lux. Raises SensorError.
    async def read(self) -> int:
        try:
            self._i2c.writeto(self._address, _ONE_SHOT)
            await asyncio.sleep_ms(_MEASURE_MS)
            raw = self._i2c.readfrom(self._address, 2)
        except OSError as error:
            raise SensorError("bh1750: %r" % error) from None
        return (raw[0] << 8 | raw[1]) * 5 // 6
