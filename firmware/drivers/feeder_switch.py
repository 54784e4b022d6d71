# One feeder of a control cabinet: the relay that drives its contactor's coil, the contactor's
# mirror contact, and the auxiliary contact of its breaker. High means: coil driven; main
# contacts closed; breaker in. A broken wire of the breaker so reads as a trip.

import machine


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        pin = machine.Pin
        # The coil's pad is held: an update or the watchdog resets the chip and does not blink
        # a street. It is left alone until it is known what it is to be; after a power cut it
        # is low. Source: ESP-IDF, gpio_hold_en.
        self._coil = settings["coil"]
        self._feedback = pin(settings["feedback"], pin.IN)
        self._breaker = pin(settings["breaker"], pin.IN)
        # 1 to 3; 0 for a feeder on all three.
        self.phase = settings["phase"]
        self.on_from_percent = settings["on_from_percent"]
        # None until it was set.
        self.is_on = None

    def set(self, on: bool) -> None:
        machine.Pin(self._coil, machine.Pin.OUT, value=1 if on else 0, hold=True)
        self.is_on = on

    def is_closed(self) -> bool:
        return self._feedback.value() == 1

    def is_tripped(self) -> bool:
        return self._breaker.value() == 0
