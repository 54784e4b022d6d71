"""What the rules of all kinds of node share: faults with hysteresis, a median, step timing."""

from protocols.fields import FAULTS
from protocols.messages import FAULT_OFF, FAULT_ON


class Faults:
    """The named faults of one node; a change is an event at once.

    A fault must be seen `on_after` times in a row to stand, and missed `off_after` times to
    go, so that one odd reading neither raises nor hides anything.
    """

    def __init__(self, kind: int, emit: object, on_after: int = 3, off_after: int = 3) -> None:
        """`emit(code, detail)` queues an event."""
        self._names = FAULTS[kind]
        self._emit = emit
        self._on_after = on_after
        self._off_after = off_after
        # By name: how often in a row it was seen otherwise than it stands.
        self.runs = {}
        self.bitmap = 0

    def stands(self, name: str) -> bool:
        """Whether the fault stands now."""
        return bool(self.bitmap >> self._names.index(name) & 1)

    def mark(self, name: str, present: bool) -> None:
        """Set or clear a fault without an event."""
        bit = 1 << self._names.index(name)
        self.bitmap = self.bitmap | bit if present else self.bitmap & ~bit

    def see(self, name: str, present: bool, at_once: bool = False) -> bool:
        """Take one observation; whether the fault came or went by it."""
        bit = 1 << self._names.index(name)
        standing = bool(self.bitmap & bit)
        if present == standing:
            self.runs[name] = 0
            return False
        run = self.runs.get(name, 0) + 1
        if not at_once and run < (self._on_after if present else self._off_after):
            self.runs[name] = run
            return False
        self.runs[name] = 0
        self.bitmap ^= bit
        self._emit(FAULT_ON if present else FAULT_OFF, {"fault": name})
        return True


def median(values: list[int]) -> int:
    """The middle of some values: one wild echo among five does not move it."""
    return sorted(values)[len(values) // 2]
