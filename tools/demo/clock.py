"""The city clock of the demo: it may run faster than real time and never runs backwards.

A clock is three numbers: at the real time `real_ref_s` the city's time was `city_ref_s`, and it
has run `speed` times as fast since. The virtual boards and the fleet server get the same three.
A demo that is started again goes on where the last one stopped; while it is stopped, the city's
time stands still.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tools.errors import FileError, UsageError
from tools.files import read_object, write_json

# A night of twelve hours in two minutes.
DEFAULT_SPEED = 360
SPEED_MAX = 3600
# Vietnam has one time zone and no daylight saving time.
UTC_OFFSET_MIN = 420
START_HOUR, START_MINUTE = 16, 30
# How often the running demo notes the city's time; a crash loses no more than this.
HEARTBEAT_S = 1.0
# After a crash the clock goes on this much later than the last note, which is after any time
# that a node can have seen.
CRASH_MARGIN_S = 3.0


@dataclass(frozen=True, slots=True)
class CityClock:
    """A city clock; times in unix seconds, UTC."""

    real_ref_s: int
    city_ref_s: int
    speed: int

    def at(self, real_s: float) -> float:
        """The city's time at a real time."""
        return self.city_ref_s + (real_s - self.real_ref_s) * self.speed

    def argument(self) -> str:
        """As the fleet server's --clock takes it."""
        return f"{self.real_ref_s},{self.city_ref_s},{self.speed}"


def first_clock(real_s: float, speed: int) -> CityClock:
    """The clock of a new demo: half past four in the afternoon of today, an hour before dusk."""
    zone = timezone(timedelta(minutes=UTC_OFFSET_MIN))
    today = datetime.fromtimestamp(real_s, zone)
    start = today.replace(hour=START_HOUR, minute=START_MINUTE, second=0, microsecond=0)
    return CityClock(int(real_s), int(start.timestamp()), speed)


def continued_clock(path: Path, real_s: float, speed: int) -> CityClock:
    """The clock of a demo that is started: new, or going on where the last one stopped.

    Raises:
        UsageError: the speed is out of range.
        FileError: the kept clock is damaged.
    """
    if not 1 <= speed <= SPEED_MAX:
        raise UsageError(f"the speed of the city clock is 1 to {SPEED_MAX}, not {speed}")
    if not path.exists():
        return first_clock(real_s, speed)
    kept = read_object(path, "the city clock")
    try:
        city_s = int(kept["city_s"])
        margin_s = 0.0 if kept["stopped"] else CRASH_MARGIN_S * int(kept["speed"])
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path} is damaged; run: cityfleet demo reset") from error
    return CityClock(int(real_s), int(city_s + margin_s) + 1, speed)


def keep_clock(path: Path, clock: CityClock, real_s: float, *, stopped: bool) -> None:
    """Notes the city's time, so that the next start can go on from it.

    Args:
        path: the file.
        clock: the running clock.
        real_s: the real time now, unix seconds.
        stopped: everything that reads the clock has ended.
    """
    write_json(path, {"city_s": int(clock.at(real_s)), "speed": clock.speed, "stopped": stopped})


def city_text(city_s: float) -> str:
    """The city's local time for a person, as 20/11/2025 16:30."""
    zone = timezone(timedelta(minutes=UTC_OFFSET_MIN))
    return datetime.fromtimestamp(city_s, zone).strftime("%d/%m/%Y %H:%M")


def speed_text(speed: int) -> str:
    """What a speed means, in words."""
    if speed == 1:
        return "the city clock runs at real time"
    night_s = 12 * 3600 / speed
    length = f"{night_s / 60:.0f} minutes" if night_s >= 90 else f"{night_s:.0f} seconds"
    return f"the city clock runs {speed} times as fast: a night of 12 hours takes {length}"
