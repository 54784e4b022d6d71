"""SIMULATOR: the air and the soil of a greenhouse, and what its outputs do to them.

Physical model: the air is the measured series, or what is set by hand ("air_c"). The soil loses
0.6 % of its water's volume an hour, twice that in the sun, and gains 40 % an hour while the
valve is open; the salt stays where the water goes, so that dry soil conducts better for its
water. By hand: "soil_moisture".
"""

from peripherals.series import make_series

_DRY_PERCENT_PER_H = 0.6
_WET_PERCENT_PER_H = 40.0
_SALT = 38.0


class Glasshouse:
    """What the sensors of one greenhouse stand in."""

    def __init__(self, plant: object) -> None:
        self._plant = plant
        self._moisture = 28.0 + plant.chance.bits(3)
        self._since_s = plant.city.now_s()
        self.is_watered = False

    def air_c(self) -> float:
        """Air temperature."""
        hand = self._plant.hand.get("air_c")
        if hand is not None:
            return hand
        celsius = make_series(self._plant).value("air_temperature_c")
        return 23.0 if celsius is None else celsius

    def humidity_percent(self) -> float:
        """Relative humidity."""
        percent = make_series(self._plant).value("relative_humidity_percent")
        return 60.0 if percent is None else percent

    def soil_percent(self) -> float:
        """Volumetric water content."""
        self.settle()
        return self._moisture

    def soil_c(self) -> float:
        """Soil follows the air from afar."""
        return 21.0 + (self.air_c() - 21.0) * 0.3

    def conductivity_us_per_cm(self) -> float:
        """Of the soil's water, between dry and soaked."""
        return 1000 * _SALT / (10.0 + self.soil_percent())

    def water(self, is_watered: bool) -> None:
        """The valve opens or closes."""
        self.settle()
        self.is_watered = is_watered

    def settle(self) -> None:
        """Count what came and went until now."""
        now_s = self._plant.city.now_s()
        hours = (now_s - self._since_s) / 3600
        self._since_s = now_s
        drying = _DRY_PERCENT_PER_H * (2 if self._plant.city.sun_height() > 0 else 1)
        gain = hours * ((_WET_PERCENT_PER_H if self.is_watered else 0) - drying)
        self._moisture = max(3.0, min(55.0, self._moisture + gain))
        hand = self._plant.hand.get("soil_moisture")
        if hand is not None:
            self._moisture = float(hand)


def glasshouse_of(plant: object) -> Glasshouse:
    """The one greenhouse of a plant."""
    if not hasattr(plant, "glasshouse"):
        plant.glasshouse = Glasshouse(plant)
    return plant.glasshouse
