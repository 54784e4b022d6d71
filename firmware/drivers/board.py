# From the compiled board description to drivers. A part's driver is a module of the same
# name with a class Driver(board, settings). It is imported when its part is there, so a lamp
# does not spend heap on a greenhouse's sensors.

import machine

from firmware.core.errors import ConfigError
from firmware.drivers import chip


class Board:
    # description: board.json as loaded, {"buses": {name: {..}}, "parts": {name: {"part": ..}}}
    def __init__(self, description: dict) -> None:
        self._buses = description.get("buses", {})
        self._parts = description["parts"]
        self._open = {}
        self.chip = chip
        self._left_out = ()

    def settings(self, name: str) -> dict:
        return self._parts[name]

    def has(self, name: str) -> bool:
        return name in self._parts and name not in self._left_out

    # From now on these parts are as good as not there.
    def leave_out(self, names: tuple[str, ...]) -> None:
        self._left_out = names

    # The driver of the part that is wired as `name`; None where the board has none.
    def part(self, name: str) -> object:
        settings = self._parts.get(name)
        if settings is None or name in self._left_out:
            return None
        module = "firmware.drivers." + str(settings.get("part"))
        try:
            driver = __import__(module, None, None, ("Driver",)).Driver
        except (ImportError, AttributeError):
            raise ConfigError("no driver " + module) from None
        return driver(self, settings)

    def bus(self, name: str) -> object:
        if name not in self._open:
            settings = self._buses[name]
            number = int(name[-1])
            if name.startswith("uart"):
                bus = machine.UART(number, settings["baud"], tx=settings["tx"], rx=settings["rx"])
            else:
                from firmware.drivers.i2c_bus import Bus

                bus = Bus(number, settings)
            self._open[name] = bus
        return self._open[name]

    # The Modbus master of an RS485 bus: one for all parts on it.
    def modbus(self, name: str) -> object:
        key = name + " modbus"
        if key not in self._open:
            from firmware.drivers.modbus import Modbus

            settings = self._buses[name]
            pin = settings.get("direction")
            if pin is not None:
                pin = machine.Pin(pin, machine.Pin.OUT, value=0)
            self._open[key] = Modbus(self.bus(name), settings["baud"], pin)
        return self._open[key]
