# DALI bus, IEC 62386-101, as its only application controller, through an isolated interface:
# the chip's output high pulls the bus low, its input is high while the bus is low, so that a
# chip in reset leaves the bus alone.
#
# Sending: the RMT peripheral shapes the Manchester bits in hardware. Receiving: MicroPython
# has no RMT receiver, and an interrupt's time stamp comes late by whatever the program was
# doing, so the answer is measured by time_pulse_us, a loop in C on a core that the radio
# does not use. It holds the program for 20 ms at most, only after a query.

import asyncio
import time

import esp32
import machine

from firmware.core.errors import SensorError

# Half a bit at 1200 baud is 416.67 us; the RMT counts 100 ns with this divider.
_DIVIDER = 8
_HALF = 4167
# Start bit, 16 bits, stop condition.
_FORWARD_MS = 14
_FORWARD_US = 17 * 833 + 2450
# Between two forward frames, and after an answer.
_SETTLING_US = 13500
# An answer begins 5.5 to 10.5 ms after the end of the query; a receiver allows to 12.4 ms.
_ANSWER_US = 12400
_PULSE_US = 1500
# A measured half bit lacks what the interpreter takes between two measurements.
_HALF_US = (200, 580)
_WHOLE_US = (580, 1050)
_MOST_PULSES = 19
_TRIES = 3


class DaliError(SensorError):
    name = "control_gear_communication_failure"


class Bus:
    def __init__(self, tx: int, rx: int) -> None:
        out = machine.Pin(tx, machine.Pin.OUT, value=0)
        self._rmt = esp32.RMT(0, pin=out, clock_div=_DIVIDER, idle_level=False)
        self._rx = machine.Pin(rx, machine.Pin.IN)
        self._free_us = time.ticks_us()

    def is_free(self) -> bool:
        return time.ticks_diff(time.ticks_us(), self._free_us) >= 0

    # Begins to send a frame of 16 bits if the bus is free; whether it was.
    def send(self, frame: int) -> bool:
        if not self.is_free():
            return False
        self._rmt.write_pulses(pulses_of(frame), True)
        self._free_us = time.ticks_add(time.ticks_us(), _FORWARD_US + _SETTLING_US)
        return True

    async def command(self, frame: int) -> None:
        while not self.send(frame):
            await asyncio.sleep_ms(2)

    # A configuration command counts only if it comes twice within 100 ms, nothing between.
    async def configure(self, frame: int) -> None:
        await self.command(frame)
        while not self.send(frame):
            time.sleep_us(500)

    # The answer's byte, None where nobody answers; `before` is a frame that goes ahead of it.
    # Raises DaliError: the bus is held low, or what came is no frame, each time.
    async def query(self, frame: int, before: int | None = None) -> int | None:
        for _ in range(_TRIES):
            if before is not None:
                await self.command(before)
            while not self.is_free():
                await asyncio.sleep_ms(2)
            if self._rx.value():
                raise DaliError("the bus is low")
            self.send(frame)
            time.sleep_ms(_FORWARD_MS)
            while not self._rmt.wait_done():
                pass
            pulses = self._listen()
            self._free_us = time.ticks_add(time.ticks_us(), _SETTLING_US)
            if not pulses:
                return None
            answer = byte_of(pulses)
            if answer is not None:
                return answer
        raise DaliError("garbled answer")

    def _listen(self) -> list[int]:
        pulses = []
        level = 1
        wait_us = _ANSWER_US
        while len(pulses) < _MOST_PULSES:
            pulse_us = machine.time_pulse_us(self._rx, level, wait_us)
            if pulse_us < 0:
                break  # nobody began, or nothing follows
            pulses.append(pulse_us)
            level ^= 1
            wait_us = _PULSE_US
        return pulses


# A frame as durations for the RMT, bus low first. A 1 is low then high, a 0 high then low.
def pulses_of(frame: int) -> list[int]:
    pulses = [_HALF, _HALF]
    high = True
    for index in range(15, -1, -1):
        bit = frame >> index & 1
        if high == bool(bit):
            pulses.append(_HALF)
        else:
            pulses[-1] += _HALF
        pulses.append(_HALF)
        high = bool(bit)
    if high:
        pulses.pop()  # the bus rests high anyway
    return pulses


# The byte in an answer's pulses, bus low first; None where they are no backward frame.
def byte_of(pulses: list[int]) -> int | None:
    halves = 0
    count = 0
    low = 1
    for pulse_us in pulses:
        if _HALF_US[0] <= pulse_us < _HALF_US[1]:
            width = 1
        elif _WHOLE_US[0] <= pulse_us < _WHOLE_US[1]:
            width = 2
        else:
            return None
        for _ in range(width):
            halves = halves << 1 | low
        count += width
        low ^= 1
    if count == 17:
        halves <<= 1  # the last half of a 1 is the rest of the bus
        count = 18
    if count != 18:
        return None
    value = 0
    for index in range(16, -1, -2):
        pair = halves >> index & 3
        if pair not in (1, 2):
            return None
        value = value << 1 | (pair == 2)
    return value & 0xFF if value & 0x100 else None
