# A relay or solid-state switch on a pin. It is off from the first moment on.

import machine


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        # The level of the pin at which the load has power: many relay boards take 0.
        self._active = settings["active"]
        self._pin = machine.Pin(settings["pin"], machine.Pin.OUT, value=1 - self._active)

    def set(self, on: bool) -> None:
        self._pin.value(self._active if on else 1 - self._active)
