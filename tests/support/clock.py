"""A clock that stands where the test puts it."""

from dataclasses import dataclass

CITY_S = 1_800_000_000
MACHINE_S = 1_790_000_000


@dataclass(slots=True)
class StillClock:
    """Implements `ports.Clock`."""

    city_s: int = CITY_S
    machine_s: int = MACHINE_S
    speed: float = 1.0

    def now_s(self) -> int:
        """City time."""
        return self.city_s

    def system_now_s(self) -> int:
        """Machine time."""
        return self.machine_s
