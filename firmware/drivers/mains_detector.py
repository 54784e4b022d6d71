# Mains detector: an opto-coupler with a hold time of one half-wave on an input pin; high
# while the mains is there. The board lives on for seconds from its supercapacitor.

import machine


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._pin = machine.Pin(settings["sense"], machine.Pin.IN)

    def is_present(self) -> bool:
        return self._pin.value() == 1

    # on_edge() is called at each change, in interrupt context on a chip: it must be short.
    def watch(self, on_edge: object) -> None:
        self._pin.irq(
            handler=lambda pin: on_edge(),
            trigger=machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING,
        )
