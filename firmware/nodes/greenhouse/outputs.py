"""A greenhouse's outputs: its relays and its vent's motor, driven as the rules decide.

Loaded with the first rules that come; until then all relays are off, as at power-on, and the
vent stays where it is. What was used of the day's time is on flash before it can be used twice.
"""

from firmware.core.log import log
from firmware.core.storage import read_checked, write_checked
from firmware.nodes.greenhouse.output_rules import DAILY_LIMIT, FAIL_SAFE, OutputRules
from protocols.fields import OUTPUTS
from protocols.messages import OUTPUT_FORCED

_FILE = "state/outputs"
# What an operator should hear of; an interlock or a band is daily life.
_TOLD = (FAIL_SAFE, DAILY_LIMIT)
# A vent this far from where its motor ran to is stuck.
_STUCK_PERCENT = 15
# A position that was measured as the motor stopped is of before: the next round but one counts.
_JUDGE_ROUNDS = 2


class Outputs:
    """What one greenhouse switches."""

    def __init__(
        self,
        relays: dict[str, object],
        motor: object,
        door: object,
        clock: object,
        offset_s: int,
    ) -> None:
        """`relays`: output -> driver; `motor` is the vent's; it and `door` may be None."""
        self._relays = relays
        self._motor = motor
        self._door = door
        self._clock = clock
        self._offset_s = offset_s
        names = [name for name in OUTPUTS if name in relays or (name == "vent" and motor)]
        self.rules = OutputRules(tuple(names))
        data, self.was_damaged = read_checked(_FILE)
        self.rules.load(data)
        self._stepped_s = None
        # A bit for each output whose rule is overruled, as it was told last.
        self._told = 0
        self._judge_round = None

    def step(self, inputs: dict[str, int | None], vent_percent: int | None, emit: object) -> bool:
        """Decide and drive; whether anything changed that should be reported."""
        rules = self.rules
        steady_s = self._clock.steady_s()
        if self._stepped_s is None:
            self._stepped_s = steady_s
            # A vent stays where the reboot found it, until its rule says otherwise.
            if self._motor is not None and vent_percent is not None and vent_percent >= 50:
                rules.adopt("vent")
        passed_s = max(0, steady_s - self._stepped_s)
        self._stepped_s = steady_s
        local_s = self._clock.now_s() + self._offset_s
        day = local_s // 86400 if self._clock.is_set() else None
        is_moving = self._motor is not None and self._motor.is_moving
        conditions = ("vent_motor",) if is_moving else ()
        if self._door is not None and self._door.is_active():
            conditions += ("door",)
        changed = rules.step(passed_s, day, local_s % 86400 // 60, inputs, conditions)
        # Who goes off does so before anybody comes on: loads may share one supply.
        for wanted in (False, True):
            for name, relay in self._relays.items():
                if rules.on[name] is wanted:
                    relay.set(wanted)
        if self._motor is not None:
            self._motor.keep(rules.on["vent"], steady_s)
        self._keep_use(rules.dump(changed))
        return self._tell_forced(emit) or changed

    def is_stuck(self, rounds: int, vent_percent: int | None) -> bool | None:
        """Whether the vent missed its end, once after each run of its motor; else None.

        Args:
            rounds: how many rounds of measuring there were.
            vent_percent: as measured in the last one.
        """
        if self._motor is None or self._motor.is_moving:
            self._judge_round = rounds + _JUDGE_ROUNDS
        elif self._judge_round is not None and rounds >= self._judge_round:
            self._judge_round = None
            if vent_percent is not None:
                wanted = 100 if self.rules.on["vent"] else 0
                return abs(vent_percent - wanted) > _STUCK_PERCENT
        return None

    def rest(self) -> None:
        """Nothing that nobody looks after stays on."""
        for relay in self._relays.values():
            relay.set(False)

    def save(self) -> None:
        """Keep what a reset would lose."""
        self._keep_use(self.rules.dump(True))

    def _keep_use(self, data: bytes | None) -> None:
        try:
            if data is not None:
                write_checked(_FILE, data)
        except OSError as error:
            log("outputs", "not kept: %r" % error)  # switching goes on without flash

    def _tell_forced(self, emit: object) -> bool:
        """Say which outputs left or came back to their band's hands; whether there was any."""
        before = self._told
        self._told = 0
        for index, name in enumerate(self.rules.reason):
            reason = self.rules.reason[name]
            bit = 1 << index
            if reason in _TOLD:
                self._told |= bit
            if (self._told ^ before) & bit:
                emit(OUTPUT_FORCED, {"output": name, "reason": reason, "on": self.rules.on[name]})
        return self._told != before
