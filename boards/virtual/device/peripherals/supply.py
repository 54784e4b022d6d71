"""SIMULATOR: the three phases of a control cabinet, and what its feeders draw from them.

Physical model: each phase stands between 225 and 235 V; a closed feeder with its breaker in
draws its rated power from its phase, or a third from each. By hand: "phase_1_v" and so on.
"""

_PHASES = 3


class Supply:
    """The mains of one cabinet and the load behind its contactors."""

    def __init__(self, plant: object) -> None:
        self._plant = plant
        self._middle_v = [226 + plant.chance.bits(3) for _ in range(_PHASES)]
        self._energy_wus = 0.0
        self._since_us = plant.city.now_us()
        self._watts = [0.0] * _PHASES

    def volts(self) -> list[float]:
        """Phase to neutral, L1 to L3."""
        found = []
        for phase in range(_PHASES):
            volt = self._plant.hand.get("phase_%d_v" % (phase + 1))
            if not self._plant.mains:
                volt = 0.0
            elif volt is None:
                volt = self._plant.chance.around(self._middle_v[phase], 1.5)
            found.append(volt)
        return found

    def watts(self) -> list[float]:
        """What each phase delivers now."""
        self.settle()
        return self._watts

    def energy_kwh(self) -> float:
        """Since this process started, in the city's time."""
        self.settle()
        return self._energy_wus / 3.6e12

    def settle(self) -> None:
        """Count what was drawn until now, then see what is drawn from now on."""
        now_us = self._plant.city.now_us()
        self._energy_wus += sum(self._watts) * (now_us - self._since_us)
        self._since_us = now_us
        watts = [0.0] * _PHASES
        volts = self.volts()
        for part in self._plant.parts.values():
            phases = part.feeds() if hasattr(part, "feeds") else ()
            for phase in phases:
                # Drivers hold their power while they have enough voltage at all.
                if volts[phase] > 100:
                    watts[phase] += part.settings["rated_w"] / len(phases)
        self._watts = watts


def supply_of(plant: object) -> Supply:
    """The one supply of a plant."""
    if not hasattr(plant, "supply"):
        plant.supply = Supply(plant)
    return plant.supply
