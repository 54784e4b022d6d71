"""How full a bin is, from echoes: median, blind zone, collections. Pure.

A burst of echoes gives one distance, the median of those that came. Nothing in a bin is ever
nearer to the sensor than the brim but waste above it, or something that covers the sensor;
both lie in the sensor's blind zone. What rose there from a bin that was more than half full is
a full bin; what is suddenly there in an emptier one covers the sensor: the fill is then not
known, and the fault says why. A collection is a sudden drop to almost nothing.
"""

from firmware.nodes.common import median

# Fewer good echoes of a burst are no measurement.
BURST = 5
ENOUGH = 3
# Emptied: a drop of this much, to below this.
_DROP_PERCENT = 25
_EMPTY_PERCENT = 30
_HALF_PERCENT = 50


def fill_percent(distance_mm: int, gap_mm: int, depth_mm: int) -> int:
    """How full a bin of `depth_mm` is whose rim lies `gap_mm` below the sensor."""
    filled_mm = gap_mm + depth_mm - distance_mm
    return max(0, min(100, (filled_mm * 100 + depth_mm // 2) // depth_mm))


def was_emptied(before_percent: int, now_percent: int) -> bool:
    """Whether the step from one fill to the next is a collection."""
    return before_percent - now_percent >= _DROP_PERCENT and now_percent <= _EMPTY_PERCENT


class Fill:
    """What is known of one bin's fill; `settled` outlives a sleep."""

    def __init__(self, gap_mm: int, depth_mm: int, blind_mm: int) -> None:
        """`blind_mm`: at this distance or nearer the sensor knows only "near"."""
        self._gap_mm = gap_mm
        self._depth_mm = depth_mm
        self._blind_mm = blind_mm
        # The fill that a drop is measured from; None before the first measurement.
        self.settled = None
        self.distance_mm = None
        self.percent = None
        self.is_blocked = False

    def take(self, distances_mm: list[int]) -> bool:
        """Take a burst of echoes; whether the bin was emptied since the one before."""
        if len(distances_mm) < ENOUGH:
            self.forget()
            return False
        distance_mm = median(distances_mm)
        self.distance_mm = distance_mm
        settled = self.settled
        if distance_mm <= self._blind_mm:
            # Whoever was covered stays so until something can be seen again.
            self.is_blocked = self.is_blocked or (settled is not None and settled < _HALF_PERCENT)
            self.percent = None if self.is_blocked else 100
            if not self.is_blocked:
                self.settled = 100
            return False
        self.is_blocked = False
        self.percent = percent = fill_percent(distance_mm, self._gap_mm, self._depth_mm)
        if settled is not None and was_emptied(settled, percent):
            self.settled = percent
            return True
        if settled is None or percent > settled:
            self.settled = percent
        return False

    def forget(self) -> None:
        """No echo: nothing is known now, and what was settled still counts."""
        self.distance_mm = None
        self.percent = None
