"""SIMULATOR: the waste in a bin, seen from a distance sensor in its lid.

Waste comes by day at this bin's own pace and is fetched at five in the morning of the first
day on which the bin is mostly full. "fill" by hand overrides it.
"""

_DAY_S = 86400


class BinFill:
    """What lies under one sensor."""

    def __init__(self, part: object) -> None:
        """`part` is the sensor; its depth_mm goes from the brim down, its gap_mm up."""
        plant = part.plant
        self._part = part
        self._plant = plant
        self._settings = part.settings
        # Percent a day; a bin at the market fills twice as fast as one in a lane.
        self._pace = 25 + plant.chance.bits(16) % 31
        self._shift_days = plant.chance.bits(8)

    def percent(self) -> float:
        """How full the bin is."""
        hand = self._plant.hand.get("fill")
        if hand is not None:
            return hand
        city = self._plant.city
        # Days begin at five in the morning, when the lorry comes.
        hours = (city.local_hours() - 5) % 24
        # Half by noon, nothing in the night.
        today = self._pace * min(1.0, hours / 16)
        period = max(1, int(85 // self._pace))
        day = (city.now_s() - 18000) // _DAY_S + self._shift_days
        return min(100.0, day % period * self._pace + today)

    def distance_mm(self, spread_mm: int) -> int:
        """What an echo comes back from: mostly the waste."""
        depth_mm = self._settings["depth_mm"]
        gap_mm = self._settings["gap_mm"]
        true_mm = gap_mm + depth_mm * (1 - self.percent() / 100)
        # One echo in sixteen comes from the bin's wall or a fly.
        if self._plant.chance.bits(4) == 0:
            true_mm = gap_mm + depth_mm * self._plant.chance.bits(8) / 255
        return int(self._part.around(true_mm, spread_mm))
