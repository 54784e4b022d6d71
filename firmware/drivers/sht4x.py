# SHT4x air temperature and humidity, one measurement at high precision.
# Source: Sensirion SHT4x datasheet, sections 4.5 (commands) and 4.6 (conversion); 8.3 ms is
# its longest measurement.

import asyncio

from firmware.core.errors import SensorError
from firmware.drivers.crc import sensirion_words

_MEASURE = b"\xfd"
_MEASURE_MS = 10
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
            raise SensorError("sht4x: %r" % error) from None
        words = sensirion_words(raw)
        if words is None:
            raise SensorError("sht4x checksum")
        humidity = words[1] * 125000 // 65535 - 6000
        # Beyond both ends the formula goes on, the air does not.
        return words[0] * 175000 // 65535 - 45000, max(0, min(100000, humidity))
