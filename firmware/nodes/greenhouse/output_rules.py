"""Which outputs of a station are on: bands with hysteresis, evaluated by level, pure.

Precedence, for each output: an interlock (another output, a motor, an open door, a limit, the
hours), or the day's water spent, turns it off at once and keeps it off. Else its band decides,
or its fail-safe state while its measure is lost, and both wait for the minimum times. After a
boot an output counts as just turned off.

Times are whole seconds of a steady clock, which a setting of the clock does not move. What was
used of a day's time stays with the day: `dump` and `load` carry it over a reboot.
"""

from protocols.fields import OUTPUTS

# Why an output is as it is.
NO_RULE = "no_rule"
BAND = "band"
FAIL_SAFE = "fail_safe"
INTERLOCK = "interlock"
DAILY_LIMIT = "daily_limit"

_DAY_S = 86400
# A valve that is open is written down with this much ahead: a crash never gives time away.
_AHEAD_S = 60
# Which output's change starts which motor, within the same step.
_MOTORS = {"vent": "vent_motor"}
_BYTES = 4


class OutputRules:
    """The states of a station's outputs."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """`names`: the outputs that the board has, of protocols.rules.OUTPUTS."""
        self._names = names
        self._rules = {}
        self.on = dict.fromkeys(names, False)
        self.reason = dict.fromkeys(names, NO_RULE)
        self._held_s = dict.fromkeys(names, 0)
        self._used_s = dict.fromkeys(names, 0)
        self._day = 0
        self._day_s = 0
        # How much longer what was dumped last covers the outputs that are on.
        self._left_s = 0

    def follow(self, rules: dict[str, dict[str, object]] | None) -> None:
        """Follow checked rules from the next step on."""
        self._rules = rules or {}

    def lacks(self) -> list[str]:
        """The outputs that have a rule but are not on this board."""
        return [name for name in self._rules if name not in self._names]

    def knows(self, values: dict[str, int | None]) -> bool:
        """Whether each measure of a rule was read, or is known to be lost."""
        return all(rule["measure"] in values for rule in self._rules.values())

    def adopt(self, name: str) -> None:
        """This output was found on, as a vent is that stood open over a reboot."""
        self.on[name] = True

    def used_s(self, name: str) -> int:
        """How long an output was on in this day."""
        return self._used_s.get(name, 0)

    def step(
        self,
        passed_s: int,
        day: int | None,
        minute: int,
        values: dict[str, int | None],
        conditions: tuple[str, ...],
    ) -> bool:
        """Go on by `passed_s` seconds.

        Args:
            passed_s: since the last step.
            day: local day number, None while the clock is not set.
            minute: of the local day.
            values: measure -> scaled integer, None or absent while it is lost.
            conditions: of protocols.rules.CONDITIONS, which stand apart from the outputs.

        Returns:
            Whether an output changed.
        """
        self._age(passed_s, day)
        minute = None if day is None else minute
        before = dict(self.on)
        for name in self._names:
            self._decide(name, minute, values, conditions)
        while self._give_way(before, conditions):
            pass  # who went off may have started a motor: each round turns one off at least
        for name in self._names:
            if self.on[name] != before[name]:
                self._held_s[name] = 0
        return self.on != before

    def bitmap(self) -> int:
        """The outputs that are on, a bit each in the order of OUTPUTS."""
        return sum(1 << OUTPUTS.index(name) for name in self._names if self.on[name])

    def dump(self, always: bool = False) -> bytes | None:
        """What must survive a reboot; None while what was given last still serves."""
        if not always and self._left_s >= 0:
            return None
        self._left_s = _AHEAD_S
        data = self._day.to_bytes(_BYTES, "big")
        for name in OUTPUTS:
            used_s = self._used_s.get(name, 0) + (_AHEAD_S if self.on.get(name) else 0)
            data += min(_DAY_S, used_s).to_bytes(_BYTES, "big")
        return data

    def load(self, data: bytes | None) -> None:
        """Take up what `dump` gave; anything else counts as nothing used."""
        if data is None or len(data) != _BYTES * (1 + len(OUTPUTS)):
            return
        words = [int.from_bytes(data[i : i + _BYTES], "big") for i in range(0, len(data), _BYTES)]
        self._day = words[0]
        for name, used_s in zip(OUTPUTS, words[1:]):
            if name in self._used_s:
                self._used_s[name] = min(_DAY_S, used_s)

    def _age(self, passed_s: int, day: int | None) -> None:
        self._day_s += passed_s
        if True in self.on.values():
            self._left_s -= passed_s
        for name in self._names:
            self._held_s[name] = min(_DAY_S, self._held_s[name] + passed_s)
            if self.on[name]:
                self._used_s[name] = min(_DAY_S, self._used_s[name] + passed_s)
        if day is None or day < self._day:
            # No day is known, or the clock was set back, which gives no second allowance: the
            # day has 24 hours.
            over = self._day_s >= _DAY_S
        else:
            over = day > self._day
        if over:
            self._day = self._day if day is None else day
            self._day_s = 0
            self._used_s = dict.fromkeys(self._names, 0)

    def _decide(
        self,
        name: str,
        minute: int | None,
        values: dict[str, int | None],
        conditions: tuple[str, ...],
    ) -> None:
        rule = self._rules.get(name)
        if rule is None:
            self.on[name] = False
            self.reason[name] = NO_RULE
            return
        reason = self._blocked(name, rule, minute, values, conditions)
        if reason is not None:
            self.on[name] = False
            self.reason[name] = reason
            return
        is_on = self.on[name]
        value = values.get(rule["measure"])
        self.reason[name] = FAIL_SAFE if value is None else BAND
        wanted = bool(rule["fail_safe"]) if value is None else _in_band(rule, value, is_on)
        least_s = rule["min_on_s"] if is_on else rule["min_off_s"]
        if wanted != is_on and self._held_s[name] >= least_s:
            self.on[name] = wanted

    def _give_way(self, before: dict[str, bool], conditions: tuple[str, ...]) -> bool:
        """End what is excluded by somebody who was decided after it; whether there was any."""
        moving = list(conditions)
        for name in self._names:
            if name in _MOTORS and self.on[name] != before[name]:
                moving.append(_MOTORS[name])
        ended = False
        for name in self._names:
            if self.on[name] and self._is_excluded(name, moving):
                self.on[name] = False
                self.reason[name] = INTERLOCK
                ended = True
        return ended

    def _blocked(
        self,
        name: str,
        rule: dict[str, object],
        minute: int | None,
        values: dict[str, int | None],
        conditions: tuple[str, ...],
    ) -> str | None:
        if rule["most_on_s"] is not None and self._used_s[name] >= rule["most_on_s"]:
            return DAILY_LIMIT
        if self._is_excluded(name, conditions) or not _in_hours(rule["hours"], minute):
            return INTERLOCK
        for measure, low, high in rule["limits"]:
            value = values.get(measure)
            # What is not known to be safe is not safe.
            if value is None or (low is not None and value < low):
                return INTERLOCK
            if high is not None and value > high:
                return INTERLOCK
        return None

    def _is_excluded(self, name: str, conditions: list[str] | tuple[str, ...]) -> bool:
        rule = self._rules.get(name)
        if rule is not None:
            for other in rule["excludes"]:
                if other in conditions or self.on.get(other):
                    return True
        return False


def _in_band(rule: dict[str, object], value: int, is_on: bool) -> bool:
    on, off = rule["on"], rule["off"]
    if on > off:
        return value >= on or (is_on and value > off)
    return value <= on or (is_on and value < off)


def _in_hours(hours: list[int] | None, minute: int | None) -> bool:
    if hours is None:
        return True
    if minute is None:
        return False
    start, end = hours
    return start <= minute < end if start <= end else minute >= start or minute < end
