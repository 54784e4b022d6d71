# ADS1115 converter with a 4-20 mA loop over a shunt on one of its inputs.
# Source: Texas Instruments ADS1115 datasheet, section 8.1.3 (configuration register);
# DOMAIN facts: below 3.6 mA or above 21 mA the loop is at fault.

import asyncio

from firmware.core.errors import SensorError

_CONVERSION = 0
_CONFIG = 1
_START = 0x8000
_SINGLE_ENDED = 0x4000
_FULL_4096_MV = 0x0200
_SINGLE_SHOT = 0x0100
_RATE_128_HZ = 0x0080
_NO_COMPARATOR = 0x0003
_CONVERT_MS = 10
_TRIES = 3
_LOW_UA = 3600
_HIGH_UA = 21000


class LoopError(SensorError):
    # The converter is well, the loop is broken or shorted; current_ua tells which.
    name = "loop_fault"

    def __init__(self, current_ua: int) -> None:
        super().__init__("%d uA" % current_ua)
        self.current_ua = current_ua


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._i2c = board.bus(settings["bus"])
        self._address = settings["address"]
        self._shunt_ohm = settings["shunt_ohm"]
        self._word = (
            _START
            | _SINGLE_ENDED
            | settings["channel"] << 12
            | _FULL_4096_MV
            | _SINGLE_SHOT
            | _RATE_128_HZ
            | _NO_COMPARATOR
        )

    # Loop current in microamperes. Raises SensorError; LoopError with the current in it.
    async def read(self) -> int:
        try:
            raw = await self._convert()
        except OSError as error:
            raise SensorError("ads1115: %r" % error) from None
        if raw & 0x8000:
            raw -= 65536
        current_ua = raw * 125 // self._shunt_ohm
        if not _LOW_UA <= current_ua <= _HIGH_UA:
            raise LoopError(current_ua)
        return current_ua

    async def _convert(self) -> int:
        word = self._word
        self._i2c.writeto_mem(self._address, _CONFIG, bytes((word >> 8, word & 0xFF)))
        for _ in range(_TRIES):
            await asyncio.sleep_ms(_CONVERT_MS)
            status = self._i2c.readfrom_mem(self._address, _CONFIG, 2)
            if status[0] & 0x80:
                value = self._i2c.readfrom_mem(self._address, _CONVERSION, 2)
                return value[0] << 8 | value[1]
        raise SensorError("ads1115 does not finish")


# Height in millimetres of a loop current, 4 mA at `low_mm` and 20 mA at `high_mm`.
def height_mm(current_ua: int, low_mm: int, high_mm: int) -> int:
    return low_mm + (current_ua - 4000) * (high_mm - low_mm) // 16000
