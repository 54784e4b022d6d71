"""SIMULATORS of what sits in a control cabinet beside its meter: feeders, door, selector.

Physical model: a contactor needs 30 ms to move and the mains for its coil; in "hand" the
selector holds it closed. By hand: "door" and "hand_switch" on or off; a feeder's
sensor_fault is welded (its main contacts stay closed), open (its coil is burnt out),
tripped (its breaker is out), contact (its mirror contact stays open).
"""

import asyncio
import time

from peripherals.base import Part
from peripherals.supply import supply_of

_MOVE_US = 30000


class Feeder(Part):
    """Contactor with mirror contact, breaker with auxiliary contact, and the lamps behind."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        # A pad that was held through the reset never let its contactor fall.
        coil = plant.pin(settings["coil"])
        self._coil = coil.level()
        self._moved_us = time.ticks_us()
        self._was = bool(self._coil)
        coil.on_drive = self._on_coil
        plant.pin(settings["feedback"]).level_of = self._feedback
        plant.pin(settings["breaker"]).level_of = self._breaker

    def feeds(self) -> tuple:
        """The phases (0 to 2) that deliver to its lamps now."""
        if not self.is_closed() or not self._breaker():
            return ()
        phase = self.settings["phase"]
        return (phase - 1,) if phase else (0, 1, 2)

    def is_closed(self) -> bool:
        """Whether the main contacts are closed."""
        if self.fault() == "welded":
            return True
        if time.ticks_diff(time.ticks_us(), self._moved_us) < _MOVE_US:
            return self._was
        return self._target()

    def on_mains(self, present: bool) -> None:
        self._tell()

    def on_hand(self) -> None:
        self._tell()

    def _target(self) -> bool:
        driven = self._coil or self.plant.hand.get("hand_switch")
        return bool(driven) and self.plant.mains and self.fault() != "open"

    def _feedback(self) -> int:
        return 1 if self.is_closed() and self.fault() != "contact" else 0

    def _breaker(self) -> int:
        return 0 if self.fault() == "tripped" else 1

    def _on_coil(self, level: int) -> None:
        if level != self._coil:
            # Until now they stood where they stand.
            self._was = self.is_closed()
            self._coil = level
            self._moved_us = time.ticks_us()
            asyncio.create_task(self._move())

    async def _move(self) -> None:
        await asyncio.sleep_ms(_MOVE_US // 1000 + 1)
        self._tell()

    def _tell(self) -> None:
        watts = sum(supply_of(self.plant).watts())
        closed = [
            name
            for name, part in sorted(self.plant.parts.items())
            if isinstance(part, Feeder) and part.is_closed()
        ]
        self.plant.tell({"feeders": closed, "power_w": watts})


class Door(Part):
    """A switch at the cabinet's door."""

    what = "door"

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        plant.pin(settings["sense"]).level_of = self._level

    def _level(self) -> int:
        active = self.settings["active"]
        return active if self.plant.hand.get(self.what) else 1 - active


class Selector(Door):
    """The hand switch: automatic or hand."""

    what = "hand_switch"


def contact(plant: object, name: str, settings: dict) -> object:
    """A dry contact: what it is the switch of, its name on the board tells."""
    return (Selector if name == "selector" else Door)(plant, name, settings)
