"""SIMULATOR of MicroPython's network module: an access point that is always there.

A virtual node that is given a Wi-Fi network in its config.json joins the host's network
with it, after the time that joining takes; the key decides whether it may.
"""

import time

from plant.wiring import plant

STA_IF = 0
_JOIN_MS = 300


class WLAN:
    """The station of a virtual radio."""

    def __init__(self, interface: int = STA_IF) -> None:
        self._active = False
        self._joined_ms = None

    def active(self, on: bool | None = None) -> bool:
        """Switch the radio or ask for it."""
        if on is not None:
            self._active = on
            if not on:
                self._joined_ms = None
        return self._active

    def connect(self, name: str, key: str) -> None:
        """Start joining; a wrong key tries for ever, as the chip does."""
        if plant().wifi_key is None or plant().wifi_key == key:
            self._joined_ms = time.ticks_add(time.ticks_ms(), _JOIN_MS)

    def disconnect(self) -> None:
        """Leave."""
        self._joined_ms = None

    def isconnected(self) -> bool:
        """Whether the network is joined."""
        joined_ms = self._joined_ms
        return joined_ms is not None and time.ticks_diff(time.ticks_ms(), joined_ms) >= 0

    def status(self, what: str = "status") -> int:
        """Signal strength and nothing else."""
        return -60 - plant().chance.bits(3) if what == "rssi" else 0
