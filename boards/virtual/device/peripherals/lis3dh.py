"""SIMULATOR: LIS3DH accelerometer on a pole or in a bin; "tilt" by hand leans it."""

import math

from peripherals.base import Part

# 12 bits left-justified at +-2 g: one g is 16384 counts.
_G = 16384


class Lis3dh(Part):
    """A sensor on the bus with the registers that matter."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._register = 0
        self._running = False

    def write(self, data: bytes) -> None:
        self._register = data[0]
        if data[0] & 0x7F == 0x20 and len(data) > 1:
            self._running = bool(data[1] & 0xF0)

    def read(self, count: int) -> bytes:
        if self._register & 0x7F == 0x0F:
            return b"\x33"
        if self._register & 0x7F != 0x28 or not self._running:
            return bytes(count)
        lean = math.radians(self.plant.hand.get("tilt") or 1.5)
        out = b""
        for part in (math.sin(lean), 0.0, math.cos(lean)):
            value = int(self.around(part * _G, 80)) & 0xFFF0
            out += bytes((value & 0xFF, value >> 8 & 0xFF))
        return out
