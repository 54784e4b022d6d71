"""SIMULATOR: HLW8012 meter: pulses on CF for the power, on CF1 for voltage or current.

Source: datasheet, as in the driver. SEL high chooses the voltage (version B of the chip
as boards wire it), low the current. The first period after a change of SEL mixes both, as
the real one does. Pulses run in real time: with a city clock that runs faster, energy
counted from them stays behind the city's.
"""

import asyncio
import time

from peripherals.base import Part

_OSCILLATOR_HZ = 3579000
_VREF_V = 2.43
_STEP_MS = 1
_IDLE_MS = 50
# What one step may deliver late, when this process had to wait for its turn.
_BURST = 20


class Hlw8012(Part):
    """The meter in front of the lamp."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._voltage = True
        # Whether the period that runs began under the other choice of SEL.
        self._is_mixed = False
        self._ratio = settings["lower_ohm"] / (settings["upper_ohm"] + settings["lower_ohm"])
        self._shunt_ohm = settings["shunt_uohm"] / 1000000
        plant.pin(settings["sel"]).on_drive = self._on_select
        self._cf = _Pulses(plant.pin(settings["cf"]), self._cf_hz)
        self._cf1 = _Pulses(plant.pin(settings["cf1"]), self._cf1_hz)
        plant.pin(settings["cf1"]).measure = self._half_us
        asyncio.create_task(self._run())

    def _on_select(self, level: int) -> None:
        # The phase that it has reached stays: the period goes on at another rate.
        self._cf1.advance()
        self._is_mixed = self._voltage != bool(level)
        self._voltage = bool(level)

    def _half_us(self, level: int, timeout_us: int) -> int:
        """Half a period of CF1, as the chip's loop measures it."""
        hertz = self._cf1_hz()
        half_us = int(500000 / hertz) if hertz else timeout_us + 1
        if self._is_mixed:
            half_us *= 3
            self._is_mixed = False
        # It waits for the pulse, which is half a period too.
        time.sleep_us(2 * min(half_us, timeout_us))
        return half_us if half_us <= timeout_us else -2

    def _cf_hz(self) -> float:
        if self.fault() == "silent":
            return 0.0
        v1, v2 = self._inputs()
        return v1 * v2 * 48 / _VREF_V**2 * _OSCILLATOR_HZ / 128

    def _cf1_hz(self) -> float:
        if self.fault() == "silent":
            return 0.0
        v1, v2 = self._inputs()
        apparent = v1 / self.plant.parts["lamp"].power_factor()
        signal = v2 * 2 if self._voltage else apparent * 24
        return signal / _VREF_V * _OSCILLATOR_HZ / 512

    def _inputs(self) -> tuple[float, float]:
        """Volts across the shunt, as far as they do work, and behind the divider."""
        lamp = self.plant.parts["lamp"]
        volt = lamp.mains_v()
        ampere = lamp.power_w() / volt if volt else 0.0
        return ampere * self._shunt_ohm, volt * self._ratio

    async def _run(self) -> None:
        while True:
            heard = self._cf1.advance()
            self._cf.advance()
            await asyncio.sleep_ms(_STEP_MS if heard else _IDLE_MS)


class _Pulses:
    """One output: the phase of its pulses, and their edges while anyone listens."""

    def __init__(self, pin: object, hertz: object) -> None:
        self._pin = pin
        self._hertz = hertz
        self._phase = 0.0
        self._last_us = time.ticks_us()
        pin.feed(1)

    def advance(self) -> bool:
        """Go on to now; whether anyone listens."""
        now_us = time.ticks_us()
        passed_us = time.ticks_diff(now_us, self._last_us)
        self._last_us = now_us
        if self._pin.on_edge is None:
            return False
        self._phase += self._hertz() * passed_us / 1000000
        whole = int(self._phase)
        self._phase -= whole
        for _ in range(min(whole, _BURST)):
            self._pin.feed(0)
            self._pin.feed(1)
        return True
