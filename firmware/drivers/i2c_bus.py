# An I2C bus that frees itself. A part that lost its place in the middle of a byte holds SDA low
# until it has been clocked out of it, and until then nobody on the bus can speak.
# Source: NXP UM10204, section 3.1.16 (bus clear).

import errno
import time

import machine

_CLOCKS = 9
_HALF_US = 10
# A part that is not there, or refuses a byte, leaves the bus free.
_REFUSALS = (errno.ENODEV, errno.EIO)


class Bus:
    # settings: {"scl", "sda", "freq"}
    def __init__(self, number: int, settings: dict) -> None:
        self._number = number
        self._settings = settings
        self._start()

    def writeto(self, address: int, data: bytes) -> int:
        return self._do("writeto", address, data)

    def readfrom(self, address: int, count: int) -> bytes:
        return self._do("readfrom", address, count)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        self._do("writeto_mem", address, register, data)

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        return self._do("readfrom_mem", address, register, count)

    # The call that met a held bus fails; the next one finds it free.
    def _do(self, name: str, *arguments: object) -> object:
        try:
            return getattr(self._i2c, name)(*arguments)
        except OSError as error:
            if error.errno not in _REFUSALS:
                self._free()
            raise

    def _start(self) -> None:
        settings = self._settings
        self._i2c = machine.I2C(
            self._number,
            scl=machine.Pin(settings["scl"]),
            sda=machine.Pin(settings["sda"]),
            freq=settings["freq"],
        )

    def _free(self) -> None:
        pin = machine.Pin
        sda = pin(self._settings["sda"], pin.IN)
        scl = pin(self._settings["scl"], pin.OPEN_DRAIN, value=1)
        for _ in range(_CLOCKS):
            if sda.value():
                break
            scl.value(0)
            time.sleep_us(_HALF_US)
            scl.value(1)
            time.sleep_us(_HALF_US)
        self._start()
