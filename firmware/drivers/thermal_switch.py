# A bimetal contact between 3.3 V and a pin: closed means fire. It takes no current, so it can
# wait through a deep sleep and end it.

import machine


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._pin = machine.Pin(settings["wake"], machine.Pin.IN, machine.Pin.PULL_DOWN)

    async def read(self) -> bool:
        return self._pin.value() == 1
