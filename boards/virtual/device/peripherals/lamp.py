"""SIMULATOR: lamps with their gear, and the mains behind them.

Physical model: a gear takes a twentieth of the rated power for itself and the rest in
proportion to its light; energy is the integral over the city's time. A lamp can be broken
("lamp": "broken"), or burn whatever one tells it ("lamp": "stuck_on"); a relay can stay open
("lamp": "cut_off"), a gear forget its dimming input ("lamp": "undimmed").
"""

from peripherals.base import Part

_LEAST_MV = 1000
_FULL_MV = 10000


class Load(Part):
    """What every lamp has: a gear that draws power, which the meter sees."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._rated_w = settings["rated_w"]
        self._energy_wus = 0
        self._since_us = plant.city.now_us()
        self._middle_v = 224 + plant.chance.bits(3)

    def light_percent(self) -> float:
        """What the gear was told to give; None while its supply is cut by a relay."""
        raise NotImplementedError

    def standby_w(self) -> float:
        """What a gear draws that has a supply and gives no light."""
        return 0.6

    def power_w(self) -> float:
        """What the lamp draws now, without measuring noise."""
        hand = self.plant.hand.get("lamp")
        light = self.light_percent()
        if hand == "stuck_on":
            light = 100
        if not self.plant.mains or light is None or hand == "cut_off":
            return 0.0
        if hand == "broken" or light == 0:
            return self.standby_w()
        if hand == "undimmed":
            light = 100
        return self._rated_w * (0.05 + 0.95 * light / 100)

    def power_factor(self) -> float:
        """The power factor of its gear, which falls when it is dimmed."""
        return 0.55 + 0.42 * min(1.0, self.power_w() / self._rated_w * 2)

    def energy_ws(self) -> float:
        """Energy since this process started, in watt-seconds of city time."""
        self.integrate()
        return self._energy_wus / 1000000

    def mains_v(self) -> float:
        """The voltage at the terminals: 220 to 235 V with its noise."""
        if not self.plant.mains:
            return 0.0
        return self.plant.chance.around(self._middle_v, 4.0)

    def on_mains(self, present: bool) -> None:
        # Until now it burnt under the old condition.
        self.plant.mains = not present
        self.integrate()
        self.plant.mains = present
        self.tell()

    def on_hand(self) -> None:
        self.integrate()
        self.tell()

    def integrate(self) -> None:
        """Count the energy until now, before anything changes."""
        now_us = self.plant.city.now_us()
        self._energy_wus += self.power_w() * (now_us - self._since_us)
        self._since_us = now_us

    def tell(self) -> None:
        """Say to the bench how it stands."""
        self.plant.tell({"level": round(self.light_percent() or 0), "power_w": self.power_w()})


class LampPart(Load):
    """A gear with a 0-10 V input behind the board's PWM stage, and a relay in its supply."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._relay = 0
        self._duty = 0
        plant.pin(settings["relay"]).on_drive = self._on_relay
        plant.pin(settings["pwm"]).on_modulate = self._on_duty

    def control_mv(self) -> float:
        """The voltage at the gear's dimming input."""
        zero_mv = self.settings["zero_mv"]
        return zero_mv + (self.settings["full_mv"] - zero_mv) * self._duty / 65535

    def light_percent(self) -> float | None:
        if not self._relay:
            return None
        least = self.settings["least_percent"]
        above_mv = max(0, min(_FULL_MV, self.control_mv()) - _LEAST_MV)
        return least + (100 - least) * above_mv / (_FULL_MV - _LEAST_MV)

    def power_w(self) -> float:
        if self.plant.hand.get("lamp") == "stuck_on" and not self._relay and self.plant.mains:
            # Its contacts are welded, and the dimming input rests.
            return self._rated_w
        return super().power_w()

    def tell(self) -> None:
        self.plant.tell(
            {
                "level": round(self.light_percent() or 0),
                "duty": self._duty,
                "relay": self._relay,
                "power_w": self.power_w(),
            }
        )

    def _on_relay(self, level: int) -> None:
        if level != self._relay:
            self.integrate()
            self._relay = level
            self.tell()

    def _on_duty(self, duty: int) -> None:
        if duty != self._duty:
            self.integrate()
            self._duty = duty
            self.tell()
