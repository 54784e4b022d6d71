"""SIMULATOR: the city's clock and sky.

The clock is (real second, city second, speed), the same line for every node and for the
server, so that a demo's night may take two minutes and all agree about it.
"""

import math
import time


class City:
    """Time and sunlight at one place."""

    def __init__(self, clock: dict, latitude_udeg: int, longitude_udeg: int) -> None:
        """`clock`: {"real_ref_s": .., "city_ref_s": .., "speed": ..}, speed 1 is real time."""
        self._real_us = int(clock["real_ref_s"] * 1000000)
        self._city_us = int(clock["city_ref_s"] * 1000000)
        self.speed = clock["speed"]
        self._latitude = latitude_udeg * 1.7453293e-8
        self._longitude_deg = longitude_udeg / 1000000
        # What setting the clock moved it by; the sun does not follow that.
        self._set_off_s = 0

    def now_us(self) -> int:
        """City time in microseconds, UTC."""
        passed_us = time.time_ns() // 1000 - self._real_us
        return self._city_us + int(passed_us * self.speed)

    def now_s(self) -> int:
        """City time in unix seconds, UTC."""
        return self.now_us() // 1000000

    def datetime(self) -> tuple:
        """What the clock shows, as machine.RTC gives it."""
        now_us = self.now_us()
        second = now_us // 1000000 + self._set_off_s
        t = time.gmtime(second)
        return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], now_us % 1000000)

    def set(self, moment: tuple) -> None:
        """Set the shown time, as machine.RTC takes it."""
        second = time.mktime(
            (moment[0], moment[1], moment[2], moment[4], moment[5], moment[6], 0, 0)
        )
        # mktime is local; the difference of two of its answers is not.
        t = time.gmtime(self.now_s())
        here = time.mktime((t[0], t[1], t[2], t[3], t[4], t[5], 0, 0))
        self._set_off_s = second - here

    def local_hours(self) -> float:
        """Hours of the solar day, 12.0 when the sun is highest."""
        return (self.now_s() % 86400 / 3600 + self._longitude_deg / 15) % 24

    def sun_height(self) -> float:
        """Sine of the sun's elevation; good to a degree, which is enough for light."""
        day = self.now_s() // 86400 % 36525 % 365.25
        declination = -0.4091 * math.cos(0.0172 * (day + 10))
        hour_angle = (self.local_hours() - 12) * 0.2618
        return math.sin(self._latitude) * math.sin(declination) + math.cos(
            self._latitude
        ) * math.cos(declination) * math.cos(hour_angle)

    def illuminance_lx(self) -> float:
        """Daylight on level ground under a clear sky, down to full moon."""
        height = self.sun_height()
        if height > 0.05:
            return 120000 * height
        if height < -0.2:
            return 0.2
        # Twilight falls by about four decades over eleven degrees.
        return 6000 * math.exp((height - 0.05) * 42)
