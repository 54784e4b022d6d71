"""How high the sun really stands: libastro through the package `ephem`.

Independent of protocols/sun.py: libastro sums the whole VSOP87 theory (some 1,000 terms for the
earth), with its own nutation, aberration, parallax and table of delta T; it shares no code and no
truncated series with ours. Heights are of the sun's centre without refraction.
"""

import importlib
import math
from typing import Any

# It brings no type information.
_ephem: Any = importlib.import_module("ephem")

# libastro counts days from 1899-12-31T12:00Z.
_UNIX_EPOCH_DAYS = 25567.5
# Upper limb on the horizon: half a degree of disc and 34 minutes of refraction.
HORIZON_DEG = -0.833


class Sky:
    """The sky over one place at sea level."""

    def __init__(self, latitude_udeg: int, longitude_udeg: int) -> None:
        """Millionths of a degree, north and east positive."""
        self._observer = _ephem.Observer()
        self._observer.lat = math.radians(latitude_udeg / 1000000)
        self._observer.lon = math.radians(longitude_udeg / 1000000)
        self._observer.elevation = 0.0
        self._observer.pressure = 0.0

    def height_deg(self, at_s: float) -> float:
        """How far the sun stands above the height at which it rises and sets, in degrees."""
        self._observer.date = at_s / 86400 + _UNIX_EPOCH_DAYS
        return math.degrees(float(_ephem.Sun(self._observer).alt)) - HORIZON_DEG

    def slope_deg_per_s(self, at_s: float) -> float:
        """How fast it climbs."""
        return (self.height_deg(at_s + 10) - self.height_deg(at_s - 10)) / 20

    def turning_s(self, near_s: float, way: int) -> float:
        """The moment within two hours of `near_s` when it stands highest (1) or lowest (-1)."""
        early_s, late_s = near_s - 7200.0, near_s + 7200.0
        # A minute beside its turning it has moved by less than 0.0002 deg.
        while late_s - early_s > 60.0:
            third_s = (late_s - early_s) / 3
            left, right = early_s + third_s, late_s - third_s
            if way * self.height_deg(left) < way * self.height_deg(right):
                early_s = left
            else:
                late_s = right
        return (early_s + late_s) / 2
