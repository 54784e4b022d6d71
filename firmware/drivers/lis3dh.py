# LIS3DH accelerometer: which way is down, hence how far a pole or a bin leans.
# Source: ST LIS3DH datasheet, registers WHO_AM_I, CTRL_REG1, CTRL_REG4, OUT_X_L.

import math

from firmware.core.errors import SensorError

_WHO_AM_I = 0x0F
_IDENTITY = 0x33
_CTRL_1 = 0x20
_CTRL_4 = 0x23
_CTRL_3 = 0x22
_INT1_CFG = 0x30
# With the auto-increment bit, for the duration behind it.
_INT1_THS = 0x32 | 0x80
# Register address with the auto-increment bit.
_OUT = 0x28 | 0x80


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._i2c = board.bus(settings["bus"])
        self._address = settings["address"]
        self._wakes = "wake" in settings
        self._ready = False

    # The angle between the sensor's z axis and the vertical, whole degrees 0..180.
    # Raises SensorError.
    async def read(self) -> int:
        try:
            if not self._ready:
                self._start()
            raw = self._i2c.readfrom_mem(self._address, _OUT, 6)
        except OSError as error:
            self._ready = False
            raise SensorError("lis3dh: %r" % error) from None
        x = _signed(raw[0] | raw[1] << 8)
        y = _signed(raw[2] | raw[3] << 8)
        z = _signed(raw[4] | raw[5] << 8)
        if x == y == z == 0:
            self._ready = False
            raise SensorError("lis3dh gives no gravity")
        return int(math.atan2(math.sqrt(x * x + y * y), z) * 57.29578 + 0.5)

    def _start(self) -> None:
        if self._i2c.readfrom_mem(self._address, _WHO_AM_I, 1)[0] != _IDENTITY:
            raise SensorError("not a lis3dh")
        self._i2c.writeto_mem(self._address, _CTRL_1, b"\x27")  # 10 Hz, three axes
        self._i2c.writeto_mem(self._address, _CTRL_4, b"\x88")  # block update, +-2 g, 12 bits
        if self._wakes:
            # Its interrupt rises once z has felt less than 0.7 g, thus leans beyond 45 degrees,
            # for ten seconds: a lid that is opened for a bag is not worth a wake.
            self._i2c.writeto_mem(self._address, _INT1_THS, b"\x2c\x64")  # 44 * 16 mg, 100 / 10 Hz
            self._i2c.writeto_mem(self._address, _INT1_CFG, b"\x10")  # z low
            self._i2c.writeto_mem(self._address, _CTRL_3, b"\x40")  # on pin INT1
        self._ready = True


def _signed(value: int) -> int:
    return value - 65536 if value & 0x8000 else value
