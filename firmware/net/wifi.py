"""Wi-Fi station behind the link's interface."""

import asyncio

import network

from firmware.net.errors import WifiError

# The chip retries for ever even with a wrong key, so the waiting is bounded here.
_JOIN_MS = 20000
# A wrong key says so long before that; the chip says it between its tries too.
_REFUSED_MS = 3000
_STEP_MS = 200
_OFF_MS = 1000
# What the chip says when it gives up, as far as it says it.
_REASONS = ("STAT_WRONG_PASSWORD", "STAT_NO_AP_FOUND", "STAT_ASSOC_FAIL", "STAT_HANDSHAKE_TIMEOUT")


class WifiLink:
    """One network, one key."""

    def __init__(self, name: str, key: str) -> None:
        self._name = name
        self._key = key
        self._radio = network.WLAN(network.STA_IF)

    async def up(self, beat: object) -> None:
        """Join the network unless joined.

        Raises:
            WifiError: not joined in time; the radio is off again, so that the next try is a
                fresh one.
        """
        radio = self._radio
        if radio.isconnected():
            return
        radio.active(True)
        radio.connect(self._name, self._key)
        waited_ms = 0
        refused_ms = 0
        while not radio.isconnected():
            reason = self._reason()
            if reason == "wrong_password":
                refused_ms += _STEP_MS
            if waited_ms >= _JOIN_MS or refused_ms >= _REFUSED_MS:
                await self.down(beat)
                raise WifiError(reason)
            beat()
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms += _STEP_MS

    async def down(self, beat: object) -> None:
        """Leave the network and switch the radio off."""
        beat()
        self._radio.disconnect()
        self._radio.active(False)

    async def restart(self, beat: object) -> None:
        """The radio stays off for a while, for an access point that holds us for present."""
        await self.down(beat)
        await asyncio.sleep_ms(_OFF_MS)

    def rssi_dbm(self) -> int | None:
        """Signal strength at the moment; None where there is none."""
        try:
            return self._radio.status("rssi")
        except OSError:
            return None

    def name_server(self) -> str | None:
        """The name server that the network told."""
        return self._radio.ifconfig()[3]

    def _reason(self) -> str:
        status = self._radio.status()
        for name in _REASONS:
            if status == getattr(network, name, None):
                return name[5:].lower()
        return "no answer"
