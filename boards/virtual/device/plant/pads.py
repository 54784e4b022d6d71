"""SIMULATOR: pads that the chip holds: what they drive outlives every reset but a power cut.

The levels lie in pads.json in the node's folder, because each boot is a process of its own.
Source: ESP-IDF, gpio_hold_en.
"""

import json
import os

_FILE = "pads.json"


class Pads:
    """The held pads of one chip."""

    def __init__(self, is_lost: bool, folder: str = "") -> None:
        """`is_lost`: the supply was gone, and the hold with it."""
        self._path = folder + _FILE
        self._levels = {}
        if is_lost:
            try:
                os.remove(self._path)
            except OSError:
                pass  # nothing was held
            return
        try:
            with open(self._path) as file:
                self._levels = {int(pin): level for pin, level in json.load(file).items()}
        except (OSError, ValueError):
            pass  # nothing was ever held

    def held(self) -> dict[int, int]:
        """Number -> level that the chip finds on its pads."""
        return self._levels

    def hold(self, number: int, level: int) -> None:
        """Latch a pad at a level."""
        if self._levels.get(number) != level:
            self._levels[number] = level
            self._keep()

    def let_go(self, number: int) -> None:
        """The pad follows its register again."""
        if self._levels.pop(number, None) is not None:
            self._keep()

    def _keep(self) -> None:
        with open(self._path, "w") as file:
            json.dump(self._levels, file)
