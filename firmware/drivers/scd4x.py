# SCD4x CO2 sensor in periodic measurement: a value each 5 s.
# Source: Sensirion SCD4x datasheet, sections 3.5 and 3.8.

import asyncio

from firmware.core.errors import SensorError
from firmware.drivers.crc import sensirion_words

_START = b"\x21\xb1"
_STOP = b"\x3f\x86"
_READY = b"\xe4\xb8"
_READ = b"\xec\x05"
_STOP_MS = 500
_COMMAND_MS = 2
_READY_MASK = 0x07FF


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._i2c = board.bus(settings["bus"])
        self._address = settings["address"]
        self._started = False

    # CO2 in ppm, or None while no new value is ready. Raises SensorError.
    async def read(self) -> int | None:
        try:
            if not self._started:
                await self._start()
            ready = await self._ask(_READY, 3)
            if not ready[0] & _READY_MASK:
                return None
            return (await self._ask(_READ, 9))[0]
        except OSError as error:
            self._started = False
            raise SensorError("scd4x: %r" % error) from None

    async def _start(self) -> None:
        # After a reset of the chip alone the sensor still measures and refuses a start.
        self._i2c.writeto(self._address, _STOP)
        await asyncio.sleep_ms(_STOP_MS)
        self._i2c.writeto(self._address, _START)
        self._started = True

    async def _ask(self, command: bytes, count: int) -> list[int]:
        self._i2c.writeto(self._address, command)
        await asyncio.sleep_ms(_COMMAND_MS)
        words = sensirion_words(self._i2c.readfrom(self._address, count))
        if words is None:
            raise SensorError("scd4x checksum")
        return words
