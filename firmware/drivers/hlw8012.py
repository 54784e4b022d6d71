# HLW8012 single-phase meter: pulses whose frequency is the power (CF), and the voltage or the
# current (CF1) as SEL chooses.
# Source: HLW8012 datasheet, "Application information": with Vref 2.43 V and 3.579 MHz
#   CF = V1 * V2 * 48 / Vref^2 * f / 128,  CF1 = V1 * 24 / Vref * f / 512 for the current,
#   CF1 = V2 * 2 / Vref * f / 512 for the voltage; V1 across the shunt, V2 behind the divider.
# The chip's interrupts are scheduled, so a single time stamp is late by some milliseconds:
# frequencies are taken over a whole window of pulses.

import asyncio
import time

import machine

from firmware.drivers.meter_reading import Reading

_OSCILLATOR_HZ = 3579000
_VREF_MV = 2430
_WINDOW_MS = 600
_WINDOW_PULSES = 200
# Without a pulse for so long there is no power to speak of.
_IDLE_US = 60000000
_WRAP = 1 << 24


class _Counter:
    # Pulses of one pin: how many, and when the first and the last of a window came.
    def __init__(self, pin: int) -> None:
        self._pin = machine.Pin(pin, machine.Pin.IN)
        self.total = 0
        self.begin()

    def begin(self) -> None:
        self.count = 0
        self.first_us = 0
        self.last_us = 0

    def listen(self, on: bool) -> None:
        handler = self._on_pulse if on else None
        self._pin.irq(handler=handler, trigger=machine.Pin.IRQ_FALLING)

    # Thousandths of a hertz over the window; 0 for less than one whole period.
    def millihertz(self) -> int:
        passed_us = time.ticks_diff(self.last_us, self.first_us)
        if self.count < 2 or passed_us <= 0:
            return 0
        return (self.count - 1) * 1000000000 // passed_us

    def _on_pulse(self, pin: object) -> None:
        self.last_us = time.ticks_us()
        if self.count == 0:
            self.first_us = self.last_us
        self.count += 1
        self.total = self.total + 1 & _WRAP - 1


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._select = machine.Pin(settings["sel"], machine.Pin.OUT, value=1)
        self._shunt_uohm = settings["shunt_uohm"]
        self._whole_ohm = settings["upper_ohm"] + settings["lower_ohm"]
        self._lower_ohm = settings["lower_ohm"]
        self._power = _Counter(settings["cf"])
        self._power.listen(True)
        self._power_mhz = 0
        self._power_at_us = time.ticks_us()
        self._other = _Counter(settings["cf1"])

    # A part that is silent looks like a supply that is gone: all is 0.
    async def read(self) -> Reading:
        voltage_mhz = await self._measure(1)
        current_mhz = await self._measure(0)
        power_mhz = self._power_millihertz()
        rate = _OSCILLATOR_HZ // 512
        # V1 = I * shunt in nanovolts, V2 in microvolts; frequencies in millihertz.
        voltage_mv = voltage_mhz * _VREF_MV * self._whole_ohm // (2000 * rate * self._lower_ohm)
        current_ma = current_mhz * _VREF_MV * 1000 // (24 * rate * self._shunt_uohm)
        return Reading(voltage_mv, current_ma, self._milliwatts(power_mhz), self._power.total, None)

    # Energy of a difference of pulses: a pulse is the energy of 1 s at 1 Hz.
    def energy_mwh(self, pulses: int) -> int:
        return self._milliwatts(1000 * pulses) // 3600

    def _milliwatts(self, millihertz: int) -> int:
        scaled = millihertz * 128 * _VREF_MV * _VREF_MV * self._whole_ohm
        return scaled // (48 * _OSCILLATOR_HZ * self._shunt_uohm * self._lower_ohm)

    # CF1 under one choice of SEL, in millihertz.
    async def _measure(self, select: int) -> int:
        counter = self._other
        self._select.value(select)
        counter.begin()
        counter.listen(True)
        try:
            # The first period is of two quantities: its end begins the window.
            await self._wait(counter, 2, _WINDOW_MS)
            if counter.count < 2:
                return 0
            counter.begin()
            await self._wait(counter, _WINDOW_PULSES, _WINDOW_MS)
        finally:
            counter.listen(False)
        return counter.millihertz()

    async def _wait(self, counter: _Counter, pulses: int, most_ms: int) -> None:
        began_ms = time.ticks_ms()
        while counter.count < pulses:
            if time.ticks_diff(time.ticks_ms(), began_ms) >= most_ms:
                return
            await asyncio.sleep_ms(5)

    # A dim lamp makes a pulse in seconds: the last frequency holds until the pause since its
    # last pulse says that it is lower.
    def _power_millihertz(self) -> int:
        counter = self._power
        now_us = time.ticks_us()
        measured = counter.millihertz()
        if measured:
            self._power_mhz = measured
            self._power_at_us = counter.last_us
            # The window's last pulse is the next one's first.
            counter.count = 1
            counter.first_us = counter.last_us
            return measured
        pause_us = time.ticks_diff(now_us, self._power_at_us)
        if pause_us > _IDLE_US:
            # Long before the microseconds' counter comes round again.
            self._power_mhz = 0
            self._power_at_us = time.ticks_add(now_us, -_IDLE_US)
            counter.begin()
        elif pause_us > 0:
            self._power_mhz = min(self._power_mhz, 1000000000 // pause_us)
        return self._power_mhz
