"""SIMULATORS of what a greenhouse switches: loads behind relays, and a vent with its motor.

A load tells the bench when it changes. The vent moves at its pace in the city's time while one
of its relays is on, until its end switch; with both on it burns out and says so.
"""

from peripherals.base import Part
from peripherals.glasshouse import glasshouse_of


class RelayOutput(Part):
    """A valve, a fan or a lamp; a valve (part "irrigation") lets water into the soil."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self.on = False
        pin = plant.pin(settings["pin"])
        pin.feed(1 - settings["active"])  # the relay board's own resistor
        pin.on_drive = self._on_drive

    def _on_drive(self, level: int) -> None:
        on = level == self.settings["active"]
        if on == self.on:
            return
        self.on = on
        if self.name == "irrigation":
            glasshouse_of(self.plant).water(on)
        self.plant.tell({self.name: on})


class VentMotor(Part):
    """A vent of 0 to 100 %; faults: stuck (the rack is jammed)."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._percent = float(plant.hand.get("vent") or 0)
        self._way = 0
        self._since_us = plant.city.now_us()
        self._pins = (plant.pin(settings["close"]), plant.pin(settings["open"]))
        for pin in self._pins:
            pin.on_drive = self._on_drive

    def percent(self) -> float:
        """Where the vent stands."""
        now_us = self.plant.city.now_us()
        if self.fault() != "stuck":
            passed_s = (now_us - self._since_us) / 1000000
            moved = self._way * 100 * passed_s / self.settings["travel_s"]
            self._percent = max(0.0, min(100.0, self._percent + moved))
        self._since_us = now_us
        return self._percent

    def _on_drive(self, level: int) -> None:
        self.percent()
        closing, opening = (pin.level() for pin in self._pins)
        way = opening - closing
        if closing and opening:
            self.plant.tell({"vent_burnt": True})
        if way != self._way:
            self._way = way
            self.plant.tell({"vent": round(self._percent), "vent_way": way})
