"""What calendar and override ask for at any moment, of a lamp or of a whole cabinet. Pure."""

from protocols import schedule


class LevelPlan:
    """The level at any moment; the night's plan is made once a night."""

    def __init__(self, latitude_udeg: int, longitude_udeg: int) -> None:
        self._place = (latitude_udeg, longitude_udeg)
        self._calendar = None
        self._override = None
        self._night = None
        self._plan = []

    def follow(self, calendar: dict, override: dict | None) -> None:
        """Take the calendar and the override that are in force from now on."""
        self._calendar = calendar
        self._override = override
        self._night = None

    def level_percent(self, now_s: int) -> int:
        """The level that holds at unix second `now_s`, whatever happened before it."""
        level = schedule.override_level(self._override, now_s)
        if level is not None:
            return level
        night = schedule.night_of(self._calendar, now_s)
        if night != self._night:
            self._plan = schedule.night_plan(self._calendar, night, *self._place)
            self._night = night
        return schedule.level_in(self._plan, now_s)
