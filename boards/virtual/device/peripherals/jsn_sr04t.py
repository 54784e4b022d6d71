"""SIMULATOR: JSN-SR04T ultrasonic sensor (serial mode) above the waste in a bin.

Trigger 55, answer FF H L sum after the echo; millimetres; the blind zone gives its edge.

Physical model: waste comes by day at this bin's own pace and is fetched at five in the
morning of the first day on which the bin is mostly full. "fill" by hand overrides it.
"""

from peripherals.base import SerialPart

_BLIND_MM = 250
_MEASURE_MS = 55
_DAY_S = 86400


class JsnSr04t(SerialPart):
    """The sensor in a bin's lid."""

    baud = 9600

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        # Percent a day; a bin at the market fills twice as fast as one in a lane.
        self._pace = 25 + plant.chance.bits(16) % 31
        self._shift_days = plant.chance.bits(8)
        self._last_mm = 0

    def write(self, data: bytes) -> None:
        if data != b"\x55" or not self.answers():
            return
        if self.fault() != "stuck":
            self._last_mm = self._distance_mm()
        frame = bytes((0xFF, self._last_mm >> 8, self._last_mm & 0xFF))
        checksum = sum(frame) & 0xFF
        if self.fault() == "crc":
            checksum ^= 0x80
        self.answer(frame + bytes((checksum,)), _MEASURE_MS)

    def fill_percent(self) -> float:
        """How full the bin is."""
        hand = self.plant.hand.get("fill")
        if hand is not None:
            return hand
        city = self.plant.city
        # Days begin at five in the morning, when the lorry comes.
        hours = (city.local_hours() - 5) % 24
        # Half by noon, nothing in the night.
        today = self._pace * min(1.0, hours / 16)
        period = max(1, int(85 // self._pace))
        day = (city.now_s() - 18000) // _DAY_S + self._shift_days
        return min(100.0, day % period * self._pace + today)

    def _distance_mm(self) -> int:
        depth_mm = self.settings["depth_mm"]
        gap_mm = self.settings["gap_mm"]
        true_mm = gap_mm + depth_mm * (1 - self.fill_percent() / 100)
        # One echo in sixteen comes from the bin's wall or a fly.
        if self.plant.chance.bits(4) == 0:
            true_mm = gap_mm + depth_mm * self.plant.chance.bits(8) / 255
        return max(_BLIND_MM, int(self.around(true_mm, 6)))
