# A dry contact on an input: a door switch, a selector. `active` is the level that means that
# the door is open or that the selector stands on hand.

import machine


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._pin = machine.Pin(settings["sense"], machine.Pin.IN)
        self._active = settings["active"]

    def is_active(self) -> bool:
        return self._pin.value() == self._active
