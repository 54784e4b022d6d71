"""The city's clock: the machine's, or one that runs `speed` times as fast.

The virtual bench reads the same three numbers, so that server and nodes agree
on the city's time to the second.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from fleet_server.errors import SettingsError


class FleetClock:
    """city_ref_s + (machine time - real_ref_s) * speed."""

    def __init__(
        self,
        real_ref_s: float = 0.0,
        city_ref_s: float = 0.0,
        speed: float = 1.0,
        read: Callable[[], float] = time.time,
    ) -> None:
        self._real_ref_s = real_ref_s
        self._city_ref_s = city_ref_s
        self._speed = speed
        self._read = read

    @property
    def speed(self) -> float:
        """City seconds per real second."""
        return self._speed

    def now_s(self) -> int:
        """City civil time, whole unix seconds."""
        return math.floor(self._city_ref_s + (self._read() - self._real_ref_s) * self._speed)

    def system_now_s(self) -> int:
        """Machine time, whole unix seconds."""
        return math.floor(self._read())


def parse_clock(text: str) -> FleetClock:
    """The clock of a `real_ref,city_ref,speed` setting; the machine's own for "".

    Raises:
        SettingsError: not three numbers, or a speed that is not above 0.
    """
    if not text:
        return FleetClock()
    try:
        real_ref_s, city_ref_s, speed = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError("clock must be real_ref,city_ref,speed", field="clock") from None
    if not all(math.isfinite(number) for number in (real_ref_s, city_ref_s, speed)):
        raise SettingsError("clock must be three finite numbers", field="clock")
    if not 0 < speed <= 100_000:
        raise SettingsError("clock speed must be above 0 and at most 100000", field="clock")
    return FleetClock(real_ref_s, city_ref_s, speed)
