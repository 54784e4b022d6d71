"""SIMULATOR: LIS3DH accelerometer on a pole or in a bin; "tilt" by hand leans it.

Its interrupt 1 is the one that a board may wire to a pin: raised while the z axis feels less
than a threshold for as long as its duration register says, also while the chip sleeps.
"""

import math
import time

from peripherals.base import Part

# 12 bits left-justified at +-2 g: one g is 16384 counts.
_G = 16384
_CTRL_1 = 0x20
_CTRL_3 = 0x22
_INT1_CFG = 0x30
_INT1_THS = 0x32
_INT1_DURATION = 0x33
_Z_LOW = 0x10
_I1_AOI1 = 0x40
# Measurements a second by the upper half of CTRL_REG1.
_RATES = (0, 1, 10, 25, 50, 100, 200, 400)


class Lis3dh(Part):
    """A sensor on the bus with the registers that matter."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._register = 0
        self._memory = {}
        # Since when it leans beyond its threshold; after a wake by its pin for long enough.
        self._leaning_ms = None
        self._woke = bool(plant.wake)
        if "wake" in settings:
            plant.pin(settings["wake"]).level_of = self._level

    def write(self, data: bytes) -> None:
        self._register = data[0]
        for offset in range(1, len(data)):
            self._memory[(data[0] & 0x7F) + offset - 1] = data[offset]
        self._look()

    def read(self, count: int) -> bytes:
        register = self._register & 0x7F
        if register == 0x0F:
            return b"\x33"
        if register != 0x28 or not self._rate():
            return bytes([self._memory.get(register + at, 0) for at in range(count)])
        lean = math.radians(self.plant.hand.get("tilt") or 1.5)
        out = b""
        for part in (math.sin(lean), 0.0, math.cos(lean)):
            value = int(self.around(part * _G, 80)) & 0xFFF0
            out += bytes((value & 0xFF, value >> 8 & 0xFF))
        return out

    def on_hand(self) -> None:
        self._look()

    def wakes(self) -> list:
        """The lean beyond which, and the time after which, its pin rises."""
        if not self._is_wired() or not self.answers():
            return []
        return [["tilt", math.degrees(math.acos(self._threshold_g())), self._duration_ms()]]

    def _rate(self) -> int:
        code = self._memory.get(_CTRL_1, 0) >> 4
        return _RATES[code] if code < len(_RATES) else 0

    def _is_wired(self) -> bool:
        """Whether interrupt 1 is set up: z low, on the pin, at a rate."""
        asked = self._memory.get(_INT1_CFG, 0) & _Z_LOW and self._memory.get(_CTRL_3, 0) & _I1_AOI1
        return bool(asked and self._rate())

    def _threshold_g(self) -> float:
        # 16 mg a step at +-2 g.
        return min(1.0, self._memory.get(_INT1_THS, 0) * 0.016)

    def _duration_ms(self) -> int:
        return self._memory.get(_INT1_DURATION, 0) * 1000 // self._rate()

    def _look(self) -> None:
        lean = math.radians(self.plant.hand.get("tilt") or 1.5)
        if not self._is_wired() or abs(math.cos(lean)) >= self._threshold_g():
            self._leaning_ms = None
            return
        if self._leaning_ms is None:
            self._leaning_ms = time.ticks_ms()
            if self._woke:
                # It stayed powered while the chip slept: this is no news to it.
                self._leaning_ms = time.ticks_add(self._leaning_ms, -self._duration_ms())
        self._woke = False

    def _level(self) -> int:
        if self._leaning_ms is None or not self.answers():
            return 0
        leaning_ms = time.ticks_diff(time.ticks_ms(), self._leaning_ms)
        return 1 if leaning_ms * self.plant.city.speed >= self._duration_ms() else 0
