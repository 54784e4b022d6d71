"""Civil time from the board's clock, as integer unix seconds.

A float32 holding unix seconds steps by 64 s and ESP32's time.time() counts from 2000, so
neither is used: the calendar fields of the RTC are counted up here. Waits and timeouts do
not belong here, they use the tick counter.
"""

from protocols.limits import TIME_MIN_S


def unix_s(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Unix seconds of a civil UTC time.

    Source: days from civil, proleptic Gregorian calendar with the year starting in March.
    """
    if month <= 2:
        year -= 1
        month += 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day
    return (days - 719469) * 86400 + hour * 3600 + minute * 60 + second


class Clock:
    """The city's time as this node knows it."""

    def __init__(self, rtc: object) -> None:
        """`rtc` has datetime() -> (year, month, day, weekday, hour, minute, second, ..)."""
        self._rtc = rtc
        # By how much it was set, in all.
        self._set_by_s = 0
        # A time that is known to have been: what shows less shows no time.
        self.floor_s = TIME_MIN_S

    def now_s(self) -> int:
        """Unix seconds, UTC; before TIME_MIN_S while the clock was never set."""
        now = self._rtc.datetime()
        return unix_s(now[0], now[1], now[2], now[4], now[5], now[6])

    def steady_s(self) -> int:
        """Seconds that go on evenly when the clock is set; what they count from is nobody's."""
        return self.now_s() - self._set_by_s

    def is_set(self) -> bool:
        """Whether the time can be believed for calendars, certificates and reports."""
        return self.now_s() >= self.floor_s

    def set(self, now_s: int) -> None:
        """Set the board's clock to unix second `now_s`."""
        self._set_by_s += now_s - self.now_s()
        days = now_s // 86400
        second = now_s % 86400
        # Weekday counts from Monday; 1970-01-01 was a Thursday.
        self._rtc.datetime(
            civil_date(days) + ((days + 3) % 7, second // 3600, second // 60 % 60, second % 60, 0)
        )


def civil_date(days: int) -> tuple[int, int, int]:
    """(year, month, day) of a day counted since 1970-01-01.

    Source: civil from days, in eras of 400 years that start in March.
    """
    days += 719468
    era = days // 146097
    day = days % 146097
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (month <= 2), month, day
