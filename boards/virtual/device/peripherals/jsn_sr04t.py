"""SIMULATOR: JSN-SR04T ultrasonic sensor (serial mode) above the waste in a bin.

Trigger 55, answer FF H L sum after the echo; millimetres; the blind zone gives its edge, and
so does a sensor that is covered (fault "blocked").
"""

from peripherals.base import SerialPart
from peripherals.bin_fill import BinFill

_BLIND_MM = 250
_MEASURE_MS = 55


class JsnSr04t(SerialPart):
    """The sensor in a bin's lid."""

    baud = 9600

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._bin = BinFill(self)
        self._last_mm = 0

    def write(self, data: bytes) -> None:
        if data != b"\x55" or not self.answers():
            return
        fault = self.fault()
        if fault == "blocked":
            self._last_mm = _BLIND_MM
        elif fault != "stuck":
            self._last_mm = max(_BLIND_MM, self._bin.distance_mm(6))
        frame = bytes((0xFF, self._last_mm >> 8, self._last_mm & 0xFF))
        checksum = sum(frame) & 0xFF
        if fault == "crc":
            checksum ^= 0x80
        self.answer(frame + bytes((checksum,)), _MEASURE_MS)
