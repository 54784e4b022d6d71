"""SIMULATORS of parts without a protocol: a level, a voltage or pulses on a pin."""

import asyncio
import math
import time

from peripherals.base import Part
from peripherals.series import make_series

_TIP_MS = 40
_TIPS_MAX = 20


class MainsDetector(Part):
    """High while the mains is there; tells how long the chip's interrupt at an edge took."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._pin = plant.pin(settings["sense"])
        self._pin.feed(1 if plant.mains else 0)

    def on_mains(self, present: bool) -> None:
        began_us = time.ticks_us()
        self._pin.feed(1 if present else 0)
        took_us = time.ticks_diff(time.ticks_us(), began_us)
        self.plant.tell({"mains_edge": 1 if present else 0, "edge_us": took_us})


class Battery(Part):
    """A 3.6 V cell behind a divider; sags slowly over a fortnight, then is changed."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        plant.pin(settings["adc"]).source_uv = self._microvolts
        self._start = plant.chance.bits(16)

    def _microvolts(self) -> float:
        age = (self.plant.city.now_s() // 3600 + self._start) % 336 / 336
        volt = self.plant.hand.get("battery")
        if volt is None:
            volt = self.around(3.9 - 0.35 * age, 0.004)
        whole = self.settings["upper_ohm"] + self.settings["lower_ohm"]
        return volt * 1000000 * self.settings["lower_ohm"] / whole


class Thermistor(Part):
    """Air temperature over the day, plus what heats the part: its lamp, or a fire."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        plant.pin(settings["adc"]).source_uv = self._microvolts

    def celsius(self) -> float:
        plant = self.plant
        # Warmest at 14 h solar time, between 17 and 29 degrees in the highlands.
        air = 23 + 6 * math.cos((plant.city.local_hours() - 14) * 0.2618)
        lamp = plant.parts.get("lamp")
        if lamp is not None:
            air += 18 * lamp.power_w() / lamp.settings["rated_w"]
        if plant.hand.get("fire"):
            air += 120
        return self.around(air, 0.15)

    def _microvolts(self) -> float:
        fault = self.fault()
        if fault == "silent":
            return 3300000  # the wire is broken
        kelvin = self.celsius() + 273.15
        settings = self.settings
        ohm = settings["r25_ohm"] * math.exp(settings["beta_k"] * (1 / kelvin - 1 / 298.15))
        return 3300000 * ohm / (ohm + settings["pull_ohm"])


class Position(Part):
    """A potentiometer on a vent: where its motor put it, else the measured series."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        plant.pin(settings["adc"]).source_uv = self._microvolts

    def _microvolts(self) -> float:
        motor = self.plant.parts.get("vent_motor")
        if motor is not None:
            percent = motor.percent()
        else:
            percent = make_series(self.plant).value("vent_percent") or 0
        if self.fault() == "silent":
            return 3300000  # the wire is broken, and the pull-up shows
        return percent * self.settings["full_mv"] * 10


class TippingBucket(Part):
    """A rain gauge: a pulse per tip, in showers that come with the season's chance."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._pin = plant.pin(settings["pulse"])
        self._pin.feed(1)
        asyncio.create_task(self._rain())

    async def _rain(self) -> None:
        city = self.plant.city
        last_s = city.now_s()
        water_um = 0.0
        while True:
            await asyncio.sleep_ms(1000)
            now_s = city.now_s()
            water_um += self.rate_um_per_s(now_s) * max(0, min(7200, now_s - last_s))
            last_s = now_s
            tips = 0
            while water_um >= self.settings["tip_um"] and tips < _TIPS_MAX:
                water_um -= self.settings["tip_um"]
                tips += 1
                if self.fault() != "silent":
                    self._pin.feed(0)  # the reed closes for a moment
                    self._pin.feed(1)
                # A bucket cannot tip faster, however fast the city's clock runs.
                await asyncio.sleep_ms(_TIP_MS)

    def rate_um_per_s(self, now_s: int) -> float:
        """Rain in micrometres a second: an afternoon shower on two days of three."""
        hand = self.plant.hand.get("rain_mm_per_h")
        if hand is not None:
            return hand / 3.6
        local = self.plant.city.local_hours()
        day = now_s // 86400
        if day * 2654435761 % 3 == 0 or not 14 <= local <= 16:
            return 0.0
        return 4.0 * math.sin((local - 14) * 1.5708)


class ThermalSwitch(Part):
    """A bimetal contact: it closes in a fire and opens again twenty degrees below."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._pin = plant.pin(settings["wake"])
        self.on_hand()

    def on_hand(self) -> None:
        burns = bool(self.plant.hand.get("fire")) and self.fault() != "open"
        self._pin.feed(1 if burns or self.fault() == "short" else 0)

    def wakes(self) -> list:
        """What would raise its pin while the chip sleeps; see plant/waking.py."""
        return [] if self.fault() == "open" else [["fire", 0, 0]]
