# SIM7600 cellular modem on a UART. PWRKEY and RESET are pulled low by transistors: our pin high
# presses the key. A short press switches on, a long one off; RESET works on a hung one too.
# Source: SIM7600 Series Hardware Design V1.03, 3.2 (times); check against the board in hand.

import asyncio

import machine

# Larger than a PPP frame: the line runs on while Python does something else.
_RXBUF_BYTES = 2048
_STEP_MS = 500


class Driver:
    ON_MS = 500
    RESET_MS = 300

    def __init__(self, board: object, settings: dict) -> None:
        self.uart = board.bus(settings["bus"])
        # From the key to the first answer on the UART, with a margin: firmwares differ.
        self.boot_ms = settings["boot_ms"]
        self.uart.init(rxbuf=_RXBUF_BYTES)
        self._power_key = machine.Pin(settings["power_key"], machine.Pin.OUT, value=0)
        self._reset = machine.Pin(settings["reset"], machine.Pin.OUT, value=0)

    # Press the key; one that is on already does not mind a short press.
    async def power_on(self, beat: object) -> None:
        await self._press(self._power_key, self.ON_MS, beat)

    # Off and on again, whatever it is doing.
    async def power_cycle(self, beat: object) -> None:
        await self._press(self._reset, self.RESET_MS, beat)

    async def _press(self, pin: object, press_ms: int, beat: object) -> None:
        pin.on()
        try:
            while press_ms > 0:
                beat()
                await asyncio.sleep_ms(min(press_ms, _STEP_MS))
                press_ms -= _STEP_MS
        finally:
            pin.off()
