# One feeder of a control cabinet: the relay that drives its contactor's coil, the contactor's
# mirror contact, and the auxiliary contact of its breaker. High means: coil driven; main
# contacts closed; breaker in. A broken wire of the breaker so reads as a trip.

import machine


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        pin = machine.Pin
        # The contactor starts open, so that nothing switches before its state is known.
        self._coil = pin(settings["coil"], pin.OUT, value=0)
        self._feedback = pin(settings["feedback"], pin.IN)
        self._breaker = pin(settings["breaker"], pin.IN)
        # 1 to 3; 0 for a feeder on all three.
        self.phase = settings["phase"]
        self.on_from_percent = settings["on_from_percent"]
        self.is_on = False

    def set(self, on: bool) -> None:
        self._coil.value(1 if on else 0)
        self.is_on = on

    def is_closed(self) -> bool:
        return self._feedback.value() == 1

    def is_tripped(self) -> bool:
        return self._breaker.value() == 0
