# Tipping-bucket rain gauge: a reed contact to ground closes once per tip.

import time

import machine

# A reed bounces for some milliseconds; a bucket needs a tenth of a second to tip.
_BOUNCE_MS = 20


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._tip_um = settings["tip_um"]
        self._last_ms = time.ticks_add(time.ticks_ms(), -_BOUNCE_MS)
        self.tips = 0
        self._pin = machine.Pin(settings["pulse"], machine.Pin.IN, machine.Pin.PULL_UP)
        self._pin.irq(handler=self._on_tip, trigger=machine.Pin.IRQ_FALLING)

    def rain_um(self) -> int:
        return self.tips * self._tip_um

    def _on_tip(self, pin: object) -> None:
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._last_ms) >= _BOUNCE_MS:
            self.tips += 1
        self._last_ms = now_ms
