# BL0942 single-phase meter on a UART: one request, one frame of 23 bytes, all integers.
# Source: Shanghai Belling BL0942 datasheet V1.06, "UART" and the conversion formulas there;
# DOMAIN facts: 24-bit counters, little endian, checksum ~(request + frame).

import asyncio

from firmware.core.errors import SensorError
from firmware.drivers.meter_reading import Reading

_REQUEST = b"\x58\xaa"
_FRAME_BYTES = 23
# 23 characters of 10 bits at 4800 baud are 48 ms.
_ANSWER_MS = 60
_WRAP = 1 << 24

# Datasheet: registers per millivolt at the pins, with the internal reference of 1.218 V.
_VREF_MV = 1218
_I_PER_MV = 305978
_V_PER_MV = 73989
_W_PER_MV2 = 3537
# One CF pulse is the energy of this many (tenths of) seconds at one count of power.
_CF_TENTHS_S = 4194304


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._uart = board.bus(settings["bus"])
        self._shunt_uohm = settings["shunt_uohm"]
        self._whole_ohm = settings["upper_ohm"] + settings["lower_ohm"]
        self._lower_ohm = settings["lower_ohm"]

    # Raises SensorError: silent, cut short, or a wrong checksum.
    async def read(self) -> Reading:
        while self._uart.any():
            self._uart.read()  # what is left of an answer that came too late
        self._uart.write(_REQUEST)
        await asyncio.sleep_ms(_ANSWER_MS)
        return self._decode(self._uart.read(_FRAME_BYTES))

    def _decode(self, frame: bytes | None) -> Reading:
        if frame is None or len(frame) != _FRAME_BYTES or frame[0] != 0x55:
            raise SensorError("bl0942 is silent")
        if (0x58 + sum(frame[:-1])) & 0xFF ^ 0xFF != frame[-1]:
            raise SensorError("bl0942 checksum")
        power = _u24(frame, 10)
        if power & 0x800000:
            power -= _WRAP
        period = frame[16] | frame[17] << 8
        return Reading(
            _u24(frame, 4) * _VREF_MV * self._whole_ohm // (_V_PER_MV * 1000 * self._lower_ohm),
            _u24(frame, 1) * _VREF_MV * 1000 // (_I_PER_MV * self._shunt_uohm),
            self.power_mw(power),
            _u24(frame, 13),
            1000000000 // period if period else 0,
        )

    def power_mw(self, counts: int) -> int:
        scaled = counts * _VREF_MV * _VREF_MV * self._whole_ohm
        return scaled // (_W_PER_MV2 * 1000 * self._shunt_uohm * self._lower_ohm)

    # Energy of a difference of pulses, in milliwatt-hours.
    def energy_mwh(self, pulses: int) -> int:
        scaled = pulses * _CF_TENTHS_S * _VREF_MV * _VREF_MV * self._whole_ohm
        return scaled // (36000 * _W_PER_MV2 * 1000 * self._shunt_uohm * self._lower_ohm)


def _u24(frame: bytes, start: int) -> int:
    return frame[start] | frame[start + 1] << 8 | frame[start + 2] << 16
