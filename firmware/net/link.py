"""The network below the connection: brought up, kept up, and named when it is not.

Two links behind one call, `await link.up(beat)`: Wi-Fi, where the node was given a network
name, and a link that stands by itself (a wired board, a virtual one).
"""

import asyncio

from firmware.core.errors import ClockNotSetError, LinkError

# Wi-Fi retries for ever even with a wrong key, so the waiting is bounded here.
_JOIN_MS = 20000
_STEP_MS = 200


class StandingLink:
    """A network that is there without the node's doing."""

    async def up(self, beat: object) -> None:
        """Nothing to do."""
        beat()

    def rssi_dbm(self) -> int | None:
        """No radio, no signal strength."""
        return None


class WifiLink:
    """Wi-Fi station."""

    def __init__(self, name: str, key: str) -> None:
        import network  # not every board has it

        self._name = name
        self._key = key
        self._radio = network.WLAN(network.STA_IF)

    async def up(self, beat: object) -> None:
        """Join the network unless joined.

        Raises:
            LinkError: not joined in time; the radio is off again, so that the next try is
                a fresh one.
        """
        radio = self._radio
        if radio.isconnected():
            return
        radio.active(True)
        radio.connect(self._name, self._key)
        waited_ms = 0
        while not radio.isconnected():
            if waited_ms >= _JOIN_MS:
                radio.disconnect()
                radio.active(False)
                raise LinkError("Wi-Fi not joined")
            beat()
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms += _STEP_MS

    def rssi_dbm(self) -> int | None:
        """Signal strength at the moment; None where there is none."""
        try:
            return self._radio.status("rssi")
        except OSError:
            return None


class ClockedLink:
    """A link on a board whose own clock is believed, if it shows a time at all."""

    def __init__(self, link: object, clock: object) -> None:
        self._link = link
        self._clock = clock
        self.rssi_dbm = link.rssi_dbm

    async def up(self, beat: object) -> None:
        """Bring the link up.

        Raises:
            ClockNotSetError: without a time no certificate could be checked.
        """
        await self._link.up(beat)
        if not self._clock.is_set():
            raise ClockNotSetError()


def make_link(config: dict, clock: object) -> object:
    """The link that config.json asks for, with the time behind it.

    {"wifi": {"name": .., "key": ..}} joins a network, else it stands by itself. {"ntp":
    [host, port]} is asked for the time; else the board's own clock is believed.
    """
    wifi = config.get("wifi")
    link = WifiLink(wifi["name"], wifi["key"]) if wifi else StandingLink()
    server = config.get("ntp")
    if server is None:
        return ClockedLink(link, clock)
    from firmware.net.timesync import TimedLink

    return TimedLink(link, server, clock)
