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
    # Beyond the span that the transmitter was calibrated for, its word is a guess.
    span = (3900, 20100)
    # What flowed at the last reading, also where that is a fault; None where nothing was read.
    current_ua = None

    def __init__(self, board: object, settings: dict) -> None:
        self._i2c = board.bus(settings["bus"])
        self._address = settings["address"]
        self._shunt_ohm = settings["shunt_ohm"]
        self._low_mm = settings["low_mm"]
        self._high_mm = settings["high_mm"]
        self._word = (
            _START
            | _SINGLE_ENDED
            | settings["channel"] << 12
            | _FULL_4096_MV
            | _SINGLE_SHOT
            | _RATE_128_HZ
            | _NO_COMPARATOR
        )

    # What the site says otherwise than the board.
    def place(self, config: dict) -> None:
        self._low_mm = config.get("level_low_mm", self._low_mm)
        self._high_mm = config.get("level_high_mm", self._high_mm)

    # Loop current in microamperes. Raises SensorError; LoopError with the current in it.
    async def read(self) -> int:
        self.current_ua = None
        try:
            raw = await self._convert()
        except OSError as error:
            raise SensorError("ads1115: %r" % error) from None
        if raw & 0x8000:
            raw -= 65536
        current_ua = raw * 125 // self._shunt_ohm
        self.current_ua = current_ua
        if not _LOW_UA <= current_ua <= _HIGH_UA:
            raise LoopError(current_ua)
        return current_ua

    # Height in millimetres of a loop current: 4 mA at the low end, 20 mA at the high one.
    def level_mm(self, current_ua: int) -> int:
        return self._low_mm + (current_ua - 4000) * (self._high_mm - self._low_mm) // 16000

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
