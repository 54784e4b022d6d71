"""SIMULATOR: SIM7600 and A7670 cellular modems on a UART, with a SIM, a cell and a data call.

Speaks AT commands until ATD*99# connects, then PPP until that ends or the line rests around
+++. It takes time to start, to read its card and to find its cell, and says so unasked.

By hand: "modem": "no_sim", "sim_pin", "no_registration", "denied", "no_carrier", "garbage"
(noise on the line), "silent" (nothing reaches it), "hang" (until it loses its power), "drop"
(the call is lost once).

Source: SIM7500_SIM7600 Series AT Command Manual V2.00.
"""

import time

from peripherals.base import Part
from peripherals.ppp import PppEnd

# Of the time that the board's description allows for the start.
_BOOT_PERCENT = 60
# Real ones take up to a minute to find their cell.
REGISTER_MS = 1500
_SIM_MS = 400
_OFF_MS = 1500
_GUARD_MS = 1000
_ANSWER_MS = 8
_LINE_BYTES = 560
_LONG_PRESS_MS = 2500
_GIVES = {"own": "10.64.64.64", "address": "10.23.4.5", "dns": "0.0.0.0"}


class Modem(Part):
    """The modem, its key and its reset pin."""

    baud = 115200
    short_press_ms = 100
    reset_ms = 100

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._queue = []
        self._free_us = time.ticks_us()
        self._pressed_ms = {}
        self.restarts = 0
        self.calls = 0
        # What the chip said while the line was not its to speak on.
        self.disturbances = 0
        plant.pin(settings["power_key"]).on_drive = lambda level: self._on_key("key", level)
        plant.pin(settings["reset"]).on_drive = lambda level: self._on_key("reset", level)
        self._start_ms = settings["boot_ms"] * _BOOT_PERCENT // 100
        self._begin(None)
        if plant.hand.get("modem") == "hang":
            # It was on, and hung, before the chip began this run.
            self._is_on = self._hung = True
            self._boot_ms = time.ticks_ms()

    def on_hand(self) -> None:
        hand = self.plant.hand.get("modem")
        if hand == "hang":
            self._hung = True
        if hand == "drop" and self._ppp is not None:
            self._hang_up()

    def read(self, count: int) -> bytes | None:
        """What has arrived at the chip."""
        self._step()
        there = self.arrived()
        if there == 0:
            return None
        out = b""
        while self._queue and len(out) < there:
            chunk = self._queue.pop(0)
            need = there - len(out)
            out += chunk[1][:need]
            if len(chunk[1]) > need:
                late_us = need * 10000000 // self.baud
                self._queue.insert(0, (time.ticks_add(chunk[0], late_us), chunk[1][need:]))
        if 0 <= count < len(out):
            self._queue.insert(0, (time.ticks_us(), out[count:]))
            out = out[:count]
        return out

    def arrived(self) -> int:
        """Bytes that wait in the chip's receive buffer, at the line's rate."""
        self._step()
        total = 0
        for start_us, data in self._queue:
            passed_us = time.ticks_diff(time.ticks_us(), start_us)
            whole = max(0, min(len(data), passed_us * self.baud // 10000000))
            total += whole
            if whole < len(data):
                break
        return total

    def flush(self) -> None:
        """What the chip writes is heard at once."""

    def write(self, data: bytes) -> None:
        """Bytes from the chip."""
        self._step()
        now_ms = time.ticks_ms()
        rested_ms = time.ticks_diff(now_ms, self._heard_ms)
        self._heard_ms = now_ms
        if not self._is_on or self._hung or self._hand() == "silent":
            return
        if self._ppp is not None:
            if data == b"+++" and rested_ms >= _GUARD_MS:
                self._escape_ms = now_ms
                return
            if data.startswith(b"AT"):
                self.disturbances += 1
            self._ppp.feed(data)
            return
        for byte in data:
            if byte == 13:
                line, self._line = bytes(self._line), bytearray()
                self._command(line)
            elif len(self._line) < _LINE_BYTES:
                self._line.append(byte)

    def _hand(self) -> str | None:
        return self.plant.hand.get("modem")

    def _begin(self, at_ms: int | None) -> None:
        """Start at `at_ms`, or be off."""
        self._boot_ms = at_ms
        self._is_on = False
        self._hung = False
        self._echo = True
        self._line = bytearray()
        self._ppp = None
        self._escape_ms = None
        self._heard_ms = time.ticks_ms()
        self._ready_ms = 0
        self._apn = None
        self._queue = []

    def _on_key(self, which: str, level: int) -> None:
        now_ms = time.ticks_ms()
        if level:
            self._pressed_ms[which] = now_ms
            return
        pressed_ms = self._pressed_ms.pop(which, None)
        if pressed_ms is None:
            return
        held_ms = time.ticks_diff(now_ms, pressed_ms)
        if which == "reset":
            if held_ms >= self.reset_ms:
                self.restarts += 1
                self._begin(time.ticks_add(now_ms, self._start_ms))
        elif held_ms >= _LONG_PRESS_MS and self._is_on and not self._hung:
            self._begin(None)
        elif held_ms >= self.short_press_ms and self._boot_ms is None:
            self._begin(time.ticks_add(now_ms, self._start_ms))

    def _step(self) -> None:
        """What happens by itself."""
        now_ms = time.ticks_ms()
        if not self._is_on and self._boot_ms is not None:
            if time.ticks_diff(now_ms, self._boot_ms) >= 0:
                self._is_on = True
                self._ready_ms = now_ms
                self._say(b"\r\nRDY\r\n")
                if self._hand() != "no_sim":
                    self._say(b"\r\n+CPIN: READY\r\n")
        if self._escape_ms is not None:
            if time.ticks_diff(now_ms, self._escape_ms) >= _GUARD_MS:
                self._escape_ms = None
                self._ppp = None
                self._answer("OK")
        if self._ppp is not None and self._ppp.is_closed:
            self._hang_up()

    def _hang_up(self) -> None:
        self._ppp = None
        self._answer("NO CARRIER")

    def _say(self, data: bytes) -> None:
        if self._hand() == "silent" or self._hung:
            return
        if self._hand() == "garbage":
            data = bytes([byte ^ self.plant.chance.bits(8) for byte in data])
        now_us = time.ticks_us()
        if time.ticks_diff(self._free_us, now_us) < 0:
            self._free_us = now_us
        self._queue.append((time.ticks_add(self._free_us, _ANSWER_MS * 1000), data))
        self._free_us = time.ticks_add(self._free_us, len(data) * 10000000 // self.baud)

    def _answer(self, *lines: str) -> None:
        self._say("".join(["\r\n%s\r\n" % line for line in lines]).encode())

    def _age_ms(self) -> int:
        return time.ticks_diff(time.ticks_ms(), self._ready_ms)

    def _command(self, line: bytes) -> None:
        if self._echo:
            self._say(line + b"\r")
        try:
            text = line.decode().strip().upper()
        except UnicodeError:
            return
        if not text.startswith("AT"):
            return  # noise before the command: not even an error
        hand = self._hand()
        if text in ("ATE0", "ATE1"):
            self._echo = text == "ATE1"
            self._answer("OK")
        elif text in ("AT", "ATH"):
            self._answer("OK")
        elif text == "AT+CPIN?":
            if hand == "no_sim" or self._age_ms() < _SIM_MS:
                self._answer("+CME ERROR: SIM not inserted")
            else:
                self._answer("+CPIN: SIM PIN" if hand == "sim_pin" else "+CPIN: READY", "OK")
        elif text == "AT+CSQ":
            found = self._stat() in (1, 5)
            self._answer("+CSQ: %d,99" % (18 if found else 99), "OK")
        elif text in ("AT+CEREG?", "AT+CGREG?"):
            self._answer("%s: 0,%d" % (text[2:-1], self._stat()), "OK")
        elif text.startswith('AT+CGDCONT=1,"IP","'):
            self._apn = text[19:].rstrip('"')
            self._answer("OK")
        elif text == "ATD*99#":
            self._dial()
        else:
            self._answer("ERROR")

    def _stat(self) -> int:
        hand = self._hand()
        if hand == "denied":
            return 3
        if hand in ("no_sim", "no_registration") or self._age_ms() < REGISTER_MS:
            return 2
        return 1

    def _dial(self) -> None:
        if self._stat() != 1 or not self._apn or self._hand() == "no_carrier":
            self._answer("NO CARRIER")
            return
        self._answer("CONNECT 115200")
        self.calls += 1
        self._ppp = PppEnd(self._say, _GIVES)


class Sim7600(Modem):
    """Short press 100 ms and more, reset 100 ms and more."""


class A7670(Modem):
    """Short press 50 ms and more, reset 2 s and more."""

    short_press_ms = 50
    reset_ms = 2000
