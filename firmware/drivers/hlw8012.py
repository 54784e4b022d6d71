# HLW8012 single-phase meter: pulses whose frequency is the power (CF), and the voltage or the
# current (CF1) as SEL chooses.
# Source: HLW8012 datasheet, "Application information": with Vref 2.43 V and 3.579 MHz
#   CF = V1 * V2 * 48 / Vref^2 * f / 128,  CF1 = V1 * 24 / Vref * f / 512 for the current,
#   CF1 = V2 * 2 / Vref * f / 512 for the voltage; V1 across the shunt, V2 behind the divider.
# Power and current are slow: a few pulses to some hundred a second, counted by interrupt over
# a window, since a scheduled interrupt is late by some milliseconds. The voltage is fast, half
# a kilohertz, and would flood the scheduler's queue: some of its pulses, each half a period, are
# measured in a loop of C.

import asyncio
import time

import machine

from firmware.drivers.meter_reading import Reading

_OSCILLATOR_HZ = 3579000
_VREF_MV = 2430
_WINDOW_MS = 600
_WINDOW_PULSES = 100
_PULSES = 4
# Half a period of some 25 V.
_SLOWEST_US = 10000
# Without a pulse for so long there is no power to speak of.
_IDLE_US = 60000000
_WRAP = 1 << 24


class _Counter:
    # Pulses of one pin: how many, and when the first and the last of a window came.
    def __init__(self, pin: int) -> None:
        self.pin = machine.Pin(pin, machine.Pin.IN)
        self.total = 0
        self.begin()

    def begin(self) -> None:
        self.count = 0
        self.first_us = 0
        self.last_us = 0

    def listen(self, on: bool) -> None:
        handler = self._on_pulse if on else None
        self.pin.irq(handler=handler, trigger=machine.Pin.IRQ_FALLING)

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
        voltage_mhz = self._voltage_millihertz()
        current_mhz = await self._current_millihertz()
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

    # The output is a square wave: a pulse is half a period. Only high ones are measured, so
    # that each is seen from its beginning. Holds the program for some 10 ms.
    def _voltage_millihertz(self) -> int:
        pin = self._other.pin
        self._select.value(1)
        # The period in which SEL changed is of two quantities, and half over.
        machine.time_pulse_us(pin, 1, _SLOWEST_US)
        passed_us = 0
        for _ in range(_PULSES):
            pulse_us = machine.time_pulse_us(pin, 1, _SLOWEST_US)
            if pulse_us <= 0:
                return 0
            passed_us += pulse_us
        return _PULSES * 500000000 // passed_us

    async def _current_millihertz(self) -> int:
        counter = self._other
        self._select.value(0)
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
