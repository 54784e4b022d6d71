"""SIMULATOR: the lamp, its driver and its relay, and the mains behind them.

Physical model: a driver takes a twentieth of the rated power for itself and the rest in
proportion to its dimming input; energy is the integral over the city's time. A lamp can be
broken ("lamp": "broken") or its relay welded ("lamp": "stuck_on").
"""

from peripherals.base import Part


class LampPart(Part):
    """The load that the meter measures."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._rated_w = settings["rated_w"]
        self._relay = 0
        self._duty = 0
        self._energy_wus = 0
        self._since_us = plant.city.now_us()
        self._middle_v = 224 + plant.chance.bits(3)
        relay = plant.pin(settings["relay"])
        relay.on_drive = self._on_relay
        pwm = plant.pin(settings["pwm"])
        pwm.on_modulate = self._on_duty

    def power_w(self) -> float:
        """What the lamp draws now, without measuring noise."""
        hand = self.plant.hand.get("lamp")
        closed = self._relay or hand == "stuck_on"
        if not self.plant.mains or not closed:
            return 0.0
        if hand == "broken":
            return 0.6
        duty = 65535 if hand == "stuck_on" else self._duty
        return self._rated_w * (0.05 + 0.95 * duty / 65535)

    def energy_ws(self) -> float:
        """Energy since this process started, in watt-seconds of city time."""
        self._integrate()
        return self._energy_wus / 1000000

    def mains_v(self) -> float:
        """The voltage at the terminals: 220 to 235 V with its noise."""
        if not self.plant.mains:
            return 0.0
        return self.plant.chance.around(self._middle_v, 4.0)

    def on_mains(self, present: bool) -> None:
        # Until now it burnt under the old condition.
        self.plant.mains = not present
        self._integrate()
        self.plant.mains = present
        self._tell()

    def on_hand(self) -> None:
        self._integrate()
        self._tell()

    def _integrate(self) -> None:
        now_us = self.plant.city.now_us()
        self._energy_wus += self.power_w() * (now_us - self._since_us)
        self._since_us = now_us

    def _on_relay(self, level: int) -> None:
        if level != self._relay:
            self._integrate()
            self._relay = level
            self._tell()

    def _on_duty(self, duty: int) -> None:
        if duty != self._duty:
            self._integrate()
            self._duty = duty
            self._tell()

    def _tell(self) -> None:
        level = round(self._duty * 100 / 65535) if self._relay else 0
        self.plant.tell(
            {"level": level, "duty": self._duty, "relay": self._relay, "power_w": self.power_w()}
        )
