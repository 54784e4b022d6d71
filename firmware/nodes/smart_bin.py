"""Smart bin: how full it is, whether it burns, lies on its side, or was just emptied.

Fire and tilt report at once. A single wild echo changes nothing: the fill is the median of
the last readings.
"""

from firmware.nodes.common import median
from firmware.nodes.station import Station
from protocols.fields import SMART_BIN

_SAMPLES = 5
# Waste smoulders well above any summer's day in the sun.
_FIRE_C = 70
# A lid that is open leans too; lying down is beyond this.
_FALLEN_DEG = 45
_LOW_MV = 3450
_CHARGED_MV = 3550
# Emptied: a drop of this much, to below this.
_DROP_PERCENT = 25
_EMPTY_PERCENT = 30


def fill_percent(distance_mm: int, gap_mm: int, depth_mm: int) -> int:
    """How full a bin of `depth_mm` is whose rim lies `gap_mm` below the sensor."""
    filled_mm = gap_mm + depth_mm - distance_mm
    return max(0, min(100, (filled_mm * 100 + depth_mm // 2) // depth_mm))


def was_emptied(before_percent: int, now_percent: int) -> bool:
    """Whether the step from one fill to the next is a collection."""
    return before_percent - now_percent >= _DROP_PERCENT and now_percent <= _EMPTY_PERCENT


class SmartBin(Station):
    """One bin's sensor head."""

    def __init__(self, board: object, config: dict, clock: object, emit: object) -> None:
        super().__init__(SMART_BIN, config, emit, ("pickups",))
        self._fill = board.part("fill")
        settings = board.settings("fill")
        self._gap_mm = settings["gap_mm"]
        self._depth_mm = config.get("bin_depth_mm", settings["depth_mm"])
        self._heat = board.part("temperature")
        self._tilt = board.part("tilt")
        self._battery = board.part("battery")
        self._distances = []
        self._settled = None

    async def _measure(self) -> None:
        values = self._values
        heat_c = await self._read(self._heat, None)
        values["temperature_c"] = heat_c
        if heat_c is not None:
            # The fault's own hysteresis is for noise; a fire is not waited for.
            self._faults.see("fire", heat_c > _FIRE_C, heat_c > _FIRE_C)
        tilt_deg = await self._read(self._tilt, None)
        values["tilt_deg"] = tilt_deg
        if tilt_deg is not None:
            self._faults.see("tilt", tilt_deg > _FALLEN_DEG)
        battery_mv = await self._read(self._battery, None)
        values["battery_v"] = None if battery_mv is None else battery_mv / 1000
        if battery_mv is not None:
            limit_mv = _CHARGED_MV if self._faults.stands("low_battery") else _LOW_MV
            self._faults.see("low_battery", battery_mv < limit_mv)
        self._take_distance(await self._read(self._fill, "fill_sensor_failure"))

    def _take_distance(self, distance_mm: int | None) -> None:
        if distance_mm is None:
            if self._faults.stands("fill_sensor_failure"):
                self._distances = []
                self._values["fill_percent"] = None
                self._values["distance_m"] = None
            return
        self._distances.append(distance_mm)
        if len(self._distances) > _SAMPLES:
            self._distances.pop(0)
        middle_mm = median(self._distances)
        percent = fill_percent(middle_mm, self._gap_mm, self._depth_mm)
        self._values["distance_m"] = middle_mm / 1000
        self._values["fill_percent"] = percent
        if len(self._distances) < _SAMPLES:
            return  # too few to tell a collection from a wild echo
        if self._settled is not None and was_emptied(self._settled, percent):
            self._counters.add("pickups", 1)
            self._counters.save()
            self._settled = percent
            self.report_now()
        elif self._settled is None or percent > self._settled:
            self._settled = percent

    def readings(self) -> dict:
        """The values of a report by name."""
        self._values["pickups"] = self._counters.value("pickups")
        return super().readings()
