# VL53L1X laser distance sensor (time of flight): one measurement on request.
# Register numbers have 16 bits. DOMAIN facts: address 0x29, id EACC at 0x10F, boot state at
# 0xE5, start at 0x87, ready in bit 0 of 0x31, status at 0x89 (9 = ok), distance at 0x96.
# Source: ST UM2356 and the default settings of ST's ultra lite driver (STSW-IMG009).

import asyncio
from binascii import unhexlify

from firmware.core.errors import SensorError

_CONFIGURATION = 0x2D
_READY = 0x31
_CLEAR = 0x86
_START = 0x87
_STATUS = 0x89
_DISTANCE = 0x96
_BOOTED = 0xE5
_MODEL = 0x10F
_MODEL_ID = b"\xea\xcc"
_ONE_SHOT = b"\x10"
_VALID = 9
# What ST writes to 0x2D..0x85 once after power-on, long distance mode, 100 ms a measurement.
# Bit 0 of 0x2E and 0x2F is set: the lines are pulled up to 2.8 V or more, not to 1.8 V.
_DEFAULTS = (
    "0001010102000208000810010100000000ff000f0000000000200b0000020a21"
    "00000500000000c8000038ff010008000001cc0f01f10d0168008008b8000000"
    "000f8900000000000000010f0d0e0e000002c7ff9b00000001"
)
_BOOT_MS = 20
_STEP_MS = 10
_MEASURE_MS = 250
# Nearer than this its pulses overlap.
BLIND_MM = 40
FAR_MM = 4000
_FAILURES = {4: "no target", 5: "out of range", 6: "noise", 7: "wrapped around"}


class Driver:
    blind_mm = BLIND_MM

    def __init__(self, board: object, settings: dict) -> None:
        self._i2c = board.bus(settings["bus"])
        self._address = settings["address"]
        self._ready = False

    # Distance in millimetres. Raises SensorError: silent, not this part, no valid echo.
    async def read(self) -> int:
        try:
            if not self._ready:
                await self._start()
            self._write(_CLEAR, b"\x01")
            self._write(_START, _ONE_SHOT)
            waited_ms = 0
            while not self._read(_READY, 1)[0] & 1:
                if waited_ms >= _MEASURE_MS:
                    raise SensorError("vl53l1x gives no value")
                await asyncio.sleep_ms(_STEP_MS)
                waited_ms += _STEP_MS
            status = self._read(_STATUS, 1)[0] & 0x1F
            raw = self._read(_DISTANCE, 2)
            self._write(_CLEAR, b"\x01")
        except (OSError, SensorError) as error:
            self._ready = False
            if isinstance(error, SensorError):
                raise
            raise SensorError("vl53l1x: %r" % error) from None
        distance_mm = raw[0] << 8 | raw[1]
        if status != _VALID:
            raise SensorError("vl53l1x: " + _FAILURES.get(status, "status %d" % status))
        if distance_mm > FAR_MM:
            raise SensorError("vl53l1x: out of range")
        return distance_mm

    async def _start(self) -> None:
        waited_ms = 0
        while not self._read(_BOOTED, 1)[0] & 1:
            if waited_ms >= _BOOT_MS:
                raise SensorError("vl53l1x does not boot")
            await asyncio.sleep_ms(2)
            waited_ms += 2
        if self._read(_MODEL, 2) != _MODEL_ID:
            raise SensorError("not a vl53l1x")
        self._write(_CONFIGURATION, unhexlify(_DEFAULTS))
        self._ready = True

    def _read(self, register: int, count: int) -> bytes:
        self._write(register, b"")
        return self._i2c.readfrom(self._address, count)

    def _write(self, register: int, data: bytes) -> None:
        self._i2c.writeto(self._address, register.to_bytes(2, "big") + data)
