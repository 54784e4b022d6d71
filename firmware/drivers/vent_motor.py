# A vent's motor behind two relays, one for each way, with end switches of its own.
#
# It is driven for its travel time and a margin, so that it meets the end switch and every run
# sets right what was not known. The relays are never on together, and rest between two ways.

import machine

# Longer than a relay's arc, and a step of the steady clock even where it just ticked.
_REST_S = 2
_MARGIN_S = 3


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._ways = tuple(
            machine.Pin(settings[key], machine.Pin.OUT, value=0) for key in ("close", "open")
        )
        self._travel_s = settings["travel_s"]
        self._opened = None
        self._since_s = 0
        self.is_moving = False

    # Go, or stay, where it shall be; called often, `now_s` is steady.
    def keep(self, opened: bool, now_s: int) -> None:
        if opened != self._opened:
            self._opened = opened
            self._since_s = now_s
            self._rest()
            self.is_moving = True
        if not self.is_moving:
            return
        passed_s = now_s - self._since_s
        if passed_s >= _REST_S + self._travel_s + _MARGIN_S:
            self._rest()
            self.is_moving = False
        elif passed_s >= _REST_S:
            self._ways[opened].value(1)

    def _rest(self) -> None:
        for pin in self._ways:
            pin.value(0)
