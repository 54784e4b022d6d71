"""Cellular data behind the link's interface: a modem set up by AT, then PPP on its serial line.

From the moment of dialling the serial line belongs to PPP. The modem is spoken to again only
once PPP has said that it is down: anything sent before would be data, and bytes of PPP that
are still on their way would be taken for answers.

Source: SIM7500_SIM7600 Series AT Command Manual V2.00, 3GPP TS 27.007 (+CPIN, +CSQ, +CEREG,
+CGDCONT); MicroPython, class network.PPP.
"""

import asyncio

import network

from firmware.core.log import log
from firmware.net.errors import (
    ModemError,
    ModemSilentError,
    NoCarrierError,
    NoSimError,
    NotRegisteredError,
)
from firmware.net.modem import SILENCE, AtDialogue, value_of

_STEP_MS = 200
_ANSWER_MS = 3000
_ALIVE_TRIES = 3
_ALIVE_MS = 500
# A card is read within some seconds of power; searching the bands takes up to two minutes.
_SIM_TRIES = 10
_REGISTER_TRIES = 60
_TRY_MS = 1000
_DIAL_MS = 30000
_PPP_MS = 30000
_CLOSE_MS = 10000
_NO_ADDRESS = "0.0.0.0"
# Home and roaming; 3 is a refusal that waiting does not change.
_REGISTERED = ("1", "5")
_DENIED = "3"


class CellularLink:
    """One modem, one access point name."""

    def __init__(self, modem: object, settings: dict) -> None:
        """`modem` is a driver with uart, power_on(beat), power_cycle(beat)."""
        self._modem = modem
        self._at = AtDialogue(modem.uart)
        self._settings = settings
        self._ppp = None
        self._rssi_dbm = None

    async def up(self, beat: object) -> None:
        """Have a data connection.

        Raises:
            ModemSilentError, NoSimError, NotRegisteredError, NoCarrierError, ModemError: what
                is missing, the modem in command mode.
        """
        if self._ppp is not None:
            if self._ppp.isconnected():
                return
            await self.down(beat)
        await self._wake(beat)
        await self._command("ATE0", beat)
        await self._check_sim(beat)
        await self._register(beat)
        await self._command('AT+CGDCONT=1,"IP","%s"' % self._settings["apn"], beat)
        await self._dial(beat)

    async def down(self, beat: object) -> None:
        """End PPP, then the call."""
        ppp = self._ppp
        self._ppp = None
        if ppp is None:
            return
        beat()
        if hasattr(ppp, "active"):
            ppp.active(False)  # returns when PPP's own task has left the line
            return
        ppp.disconnect()
        waited_ms = 0
        while ppp.isconnected() and waited_ms < _CLOSE_MS:
            beat()
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms += _STEP_MS

    async def restart(self, beat: object) -> None:
        """Take the modem's power, whatever it is doing."""
        await self.down(beat)
        log("modem", "power cycle")
        await self._modem.power_cycle(beat)

    def rssi_dbm(self) -> int | None:
        """Signal strength at the last dialling: during a call the modem cannot be asked."""
        return self._rssi_dbm

    def name_server(self) -> str | None:
        """The name server that the network told."""
        return None if self._ppp is None else self._ppp.ifconfig()[3]

    async def _wake(self, beat: object) -> None:
        """Have the modem answer: it may be on, off, or in a call that nobody holds any more."""
        if await self._is_alive(_ALIVE_TRIES, beat):
            return
        await self._at.escape(beat)
        if await self._is_alive(_ALIVE_TRIES, beat):
            return
        await self._modem.power_on(beat)
        if not await self._is_alive(self._modem.boot_ms // _ALIVE_MS + _ALIVE_TRIES, beat):
            raise ModemSilentError()

    async def _is_alive(self, tries: int, beat: object) -> bool:
        for _ in range(tries):
            if (await self._at.ask("AT", _ALIVE_MS, beat))[0] == "OK":
                return True
        return False

    async def _command(self, command: str, beat: object) -> list[str]:
        final, lines = await self._at.ask(command, _ANSWER_MS, beat)
        if final == SILENCE:
            raise ModemSilentError(command[:10])
        if final != "OK":
            raise ModemError(command[:10] + " " + final)
        return lines

    async def _check_sim(self, beat: object) -> None:
        said = ""
        for _ in range(_SIM_TRIES):
            final, lines = await self._at.ask("AT+CPIN?", _ANSWER_MS, beat)
            if final == SILENCE:
                raise ModemSilentError("AT+CPIN?")
            said = (value_of(lines, "+CPIN") or [final])[0]
            if said == "READY":
                return
            if said.startswith("SIM P"):
                break  # SIM PIN, SIM PUK: a person's business
            await self._pause(beat)
        raise NoSimError(said)

    async def _register(self, beat: object) -> None:
        stat = ""
        for number in range(_REGISTER_TRIES):
            lines = await self._command("AT+CSQ", beat)
            self._rssi_dbm = rssi_dbm(value_of(lines, "+CSQ"))
            # A modem that fell back to 3G is registered there only.
            name = "+CGREG" if number % 2 else "+CEREG"
            values = value_of(await self._command("AT" + name + "?", beat), name)
            stat = values[1] if values and len(values) > 1 else ""
            if stat in _REGISTERED:
                return
            if stat == _DENIED:
                break
            await self._pause(beat)
        raise NotRegisteredError("stat " + stat)

    async def _dial(self, beat: object) -> None:
        final, _ = await self._at.ask("ATD*99#", _DIAL_MS, beat)
        if final == SILENCE:
            raise ModemSilentError("ATD")
        if not final.startswith("CONNECT"):
            raise NoCarrierError(final)
        self._ppp = ppp = network.PPP(self._modem.uart)
        if hasattr(ppp, "active"):
            ppp.active(True)
        self._connect(ppp)
        waited_ms = 0
        while not (ppp.isconnected() and ppp.ifconfig()[0] != _NO_ADDRESS):
            if waited_ms >= _PPP_MS:
                await self.down(beat)
                raise NoCarrierError("no address")
            beat()
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms += _STEP_MS

    def _connect(self, ppp: object) -> None:
        user = self._settings.get("user")
        if user is None:
            ppp.connect()
        elif hasattr(ppp, "SEC_PAP"):
            ppp.connect(security=ppp.SEC_PAP, user=user, key=self._settings["password"])
        else:
            ppp.connect(authmode=ppp.AUTH_PAP, username=user, password=self._settings["password"])

    async def _pause(self, beat: object) -> None:
        beat()
        await asyncio.sleep_ms(_TRY_MS)


def rssi_dbm(values: list[str] | None) -> int | None:
    """Signal strength from the values of +CSQ; 99 is unknown.

    Source: 3GPP TS 27.007, 8.5: 0 is -113 dBm or less, 31 is -51 dBm or more, 2 dB a step.
    """
    try:
        number = int(values[0])
    except (TypeError, ValueError, IndexError):
        return None
    return 2 * number - 113 if 0 <= number <= 31 else None
