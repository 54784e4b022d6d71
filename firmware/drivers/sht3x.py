# SHT3x air temperature and humidity, single shot at high repeatability.
# Source: Sensirion SHT3x-DIS datasheet, tables 4, 9 and section 4.13.

import asyncio

from firmware.core.errors import SensorError
from firmware.drivers.crc import sensirion_words

_MEASURE = b"\x24\x00"
_MEASURE_MS = 20
_FRAME_BYTES = 6


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._i2c = board.bus(settings["bus"])
        self._address = settings["address"]

    # (millidegrees Celsius, relative humidity in thousandths of a percent).
    # Raises SensorError.
    async def read(self) -> tuple[int, int]:
        try:
            self._i2c.writeto(self._address, _MEASURE)
            await asyncio.sleep_ms(_MEASURE_MS)
            raw = self._i2c.readfrom(self._address, _FRAME_BYTES)
        except OSError as error:
            raise SensorError("sht3x: %r" % error) from None
        words = sensirion_words(raw)
        if words is None:
            raise SensorError("sht3x checksum")
        return words[0] * 175000 // 65535 - 45000, words[1] * 100000 // 65535
