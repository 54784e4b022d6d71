"""Wired LAN behind the link's interface."""

import asyncio

from firmware.net.errors import LanError

# Negotiation of the wire takes some 3 s, an address another few.
_JOIN_MS = 20000
_STEP_MS = 200
_OFF_MS = 500
_NO_ADDRESS = "0.0.0.0"


class LanLink:
    """The port of an Ethernet part."""

    def __init__(self, part: object) -> None:
        """`part.port()` gives network.LAN of this board's wiring."""
        self._port = part.port()

    async def up(self, beat: object) -> None:
        """Wait for cable and address unless they are there.

        Raises:
            LanError: which of the two is missing.
        """
        port = self._port
        if not port.active():
            port.active(True)
        waited_ms = 0
        while not (port.isconnected() and port.ifconfig()[0] != _NO_ADDRESS):
            if waited_ms >= _JOIN_MS:
                raise LanError("no address" if port.isconnected() else "no cable")
            beat()
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms += _STEP_MS

    async def down(self, beat: object) -> None:
        """Switch the port off: the next negotiation and address are new ones."""
        beat()
        if self._port.active():
            self._port.active(False)

    async def restart(self, beat: object) -> None:
        """The part loses its clock and, where a pin does that, its power."""
        await self.down(beat)
        await asyncio.sleep_ms(_OFF_MS)

    def rssi_dbm(self) -> int | None:
        """No radio, no signal strength."""
        return None

    def name_server(self) -> str | None:
        """The name server that the network told."""
        return self._port.ifconfig()[3]
