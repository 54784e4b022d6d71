"""SIMULATOR: BL0942 meter on a UART, fed by the lamp's load and the mains.

Source: BL0942 datasheet, as in the driver: request 58 AA, 23 bytes, 4800 baud, registers
refreshed each 800 ms, CF counts one per 419430.4 counts-seconds and wraps at 24 bits.
"""

import time

from peripherals.base import SerialPart

_REFRESH_MS = 800


class Bl0942(SerialPart):
    """The meter in front of the lamp."""

    baud = 4800

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        pin_mv_per_v = (
            1000 * settings["lower_ohm"] / (settings["upper_ohm"] + settings["lower_ohm"])
        )
        shunt_mohm = settings["shunt_uohm"] / 1000
        self._v_counts = 73989 / 1.218 * pin_mv_per_v
        self._i_counts = 305978 / 1.218 * shunt_mohm
        self._w_counts = 3537 / (1.218 * 1.218) * pin_mv_per_v * shunt_mohm
        self._refreshed_ms = None
        self._registers = None

    def write(self, data: bytes) -> None:
        if data != b"\x58\xaa" or not self.answers():
            return
        frame = self._frame()
        total = 0x58 + sum(frame)
        checksum = ~total & 0xFF
        if self.fault() == "crc":
            checksum ^= 0x11
        self.answer(frame + bytes((checksum,)), 1)

    def _frame(self) -> bytes:
        now_ms = time.ticks_ms()
        stuck = self.fault() == "stuck"
        old = self._refreshed_ms is None or (
            time.ticks_diff(now_ms, self._refreshed_ms) >= _REFRESH_MS and not stuck
        )
        if old:
            self._refreshed_ms = now_ms
            self._registers = self._measure()
        return self._registers

    def _measure(self) -> bytes:
        lamp = self.plant.parts["lamp"]
        chance = self.plant.chance
        volt = lamp.mains_v()
        watt = lamp.power_w()
        if watt:
            watt = self.around(watt, watt * 0.004 + 0.02)
        ampere = watt / (volt * lamp.power_factor()) if volt else 0.0
        counts = int(watt * self._w_counts)
        pulses = int(lamp.energy_ws() * self._w_counts / 419430.4) + self.settings.get("cf", 0)
        period = int(1000000 / chance.around(50.0, 0.03)) if volt else 0
        current = int(ampere * self._i_counts)
        return (
            b"\x55"
            + _u24(current)
            + _u24(int(volt * self._v_counts))
            + _u24(current)
            + _u24(counts)
            + _u24(pulses)
            + bytes((period & 0xFF, period >> 8, 0, 0, 0, 0))
        )


def _u24(value: int) -> bytes:
    return bytes((value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF))
