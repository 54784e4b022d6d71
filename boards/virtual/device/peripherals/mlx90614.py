"""SIMULATOR: MLX90614 infrared thermometer looking at a leaf; SMBus with packet check."""

from peripherals.base import Part, crc8
from peripherals.series import make_series


class Mlx90614(Part):
    """A sensor on the bus."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._register = 0
        self._last = 14657

    def write(self, data: bytes) -> None:
        self._register = data[0]

    def read(self, count: int) -> bytes:
        if self._register != 0x07:
            return b""
        if self.fault() != "stuck":
            self._last = int((self.around(self._leaf_c(), 0.1) + 273.15) * 50)
        address = self.settings["address"]
        body = bytes((self._last & 0xFF, self._last >> 8))
        head = bytes((address << 1, self._register, address << 1 | 1))
        check = crc8(head + body, 0x07, 0x00)
        return body + bytes((check ^ 0x3C if self.fault() == "crc" else check,))

    def _leaf_c(self) -> float:
        series = make_series(self.plant)
        leaf = series.value("leaf_temperature_c")
        if leaf is not None:
            return leaf
        # Where the measurement has a gap, a leaf is near the air around it.
        air = series.value("air_temperature_c")
        return (22.0 if air is None else air) - 0.4
