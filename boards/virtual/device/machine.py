"""SIMULATOR of MicroPython's machine module: the pins and buses of a virtual ESP32.

Lies on the module path of a virtual node in front of the built-in machine and extends it.
What hangs on the pins and buses is built from the node's own board.json by plant/wiring.py.
Times on the buses are real; what the plant does (sun, energy, water) runs on the city's
clock. A reset ends the process with a code that the bench answers by starting it again.
"""

import sys

_path = sys.path
sys.path = ()
try:
    from machine import *
finally:
    sys.path = _path
del _path

from plant import power, waking
from plant.wiring import plant

PWRON_RESET = power.PWRON_RESET
HARD_RESET = power.HARD_RESET
WDT_RESET = power.WDT_RESET
DEEPSLEEP_RESET = power.DEEPSLEEP_RESET
SOFT_RESET = power.SOFT_RESET
PIN_WAKE = power.EXT0_WAKE
EXT0_WAKE = power.EXT0_WAKE
EXT1_WAKE = power.EXT1_WAKE
TIMER_WAKE = power.TIMER_WAKE


def reset() -> None:
    """Reset the chip: nothing of this process lives on, no finally block runs."""
    power.leave(power.EXIT_RESET)


def deepsleep(time_ms: int = 0) -> None:
    """Sleep; the chip boots anew after `time_ms` of the city's clock, or when a pin wakes it."""
    waking.sleep(plant(), time_ms)


def reset_cause() -> int:
    """Why this boot happened, as the bench that started the process knows it."""
    return plant().cause


def wake_reason() -> int:
    """What ended the deep sleep; 0 for a boot after anything else."""
    return plant().wake


def unique_id() -> bytes:
    """Six bytes that are this virtual chip's own."""
    return plant().unique_id


def time_pulse_us(pin: object, pulse_level: int, timeout_us: int = 1000000) -> int:
    """How long the pin is at a level; -2 when that does not begin, -1 when it does not end."""
    return plant().pin(pin.number).pulse_us(pulse_level, timeout_us)


class Pin:
    """A GPIO pin; inputs read what the plant drives, outputs drive the plant."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(
        self,
        number: int,
        mode: int = -1,
        pull: int = -1,
        *,
        value: int | None = None,
        hold: bool | None = None,
    ) -> None:
        self.number = number
        self._node = plant().pin(number)
        if hold is not None:
            # A held pad is let go only once all else is set, and so without a glitch.
            self._node.is_held = False
        if mode in (Pin.OUT, Pin.OPEN_DRAIN):
            self._node.drive(0 if value is None else value)
        if hold:
            self._node.is_held = True
            plant().pads.hold(number, self._node.level())
        elif hold is not None:
            plant().pads.let_go(number)

    def value(self, level: int | None = None) -> int | None:
        """Read the pin, or drive it."""
        if level is None:
            return self._node.level()
        self._node.drive(1 if level else 0)
        return None

    def on(self) -> None:
        """Drive high."""
        self._node.drive(1)

    def off(self) -> None:
        """Drive low."""
        self._node.drive(0)

    def irq(self, handler: object = None, trigger: int = 3) -> None:
        """Call `handler(pin)` at the edges of `trigger`."""

        def on_edge(level: int) -> None:
            if trigger & (Pin.IRQ_RISING if level else Pin.IRQ_FALLING):
                handler(self)

        self._node.on_edge = None if handler is None else on_edge


class PWM:
    """A PWM output; the plant sees its duty."""

    def __init__(self, pin: Pin, *, freq: int = 1000, duty_u16: int = 0) -> None:
        self._node = plant().pin(pin.number)
        self._freq = freq
        self._duty = 0
        self.duty_u16(duty_u16)

    def duty_u16(self, duty: int | None = None) -> int | None:
        """Read or set the duty, 0..65535."""
        if duty is None:
            return self._duty
        self._duty = duty
        self._node.modulate(duty)
        return None

    def freq(self) -> int:
        """The frequency in hertz."""
        return self._freq

    def deinit(self) -> None:
        """Stop."""
        self.duty_u16(0)


class ADC:
    """An analog input of 0..3.3 V with the noise of 12 bits."""

    def __init__(self, pin: Pin) -> None:
        self._node = plant().pin(pin.number)

    def read_uv(self) -> int:
        """Microvolts."""
        return max(0, min(3300000, self._node.microvolts()))

    def read_u16(self) -> int:
        """0..65535 for 0..3.3 V."""
        return self.read_uv() * 65535 // 3300000


class UART:
    """A serial line; the part on its other end speaks bytes at the line's rate."""

    def __init__(self, number: int, baudrate: int = 9600, *, tx: int = -1, rx: int = -1) -> None:
        self._line = plant().uart(number, baudrate)

    def init(self, baudrate: int | None = None, *, rxbuf: int = 256) -> None:
        """The receive buffer of a virtual line is as large as it needs to be."""

    def write(self, data: bytes) -> int:
        """Send."""
        self._line.write(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Wait until all is sent."""
        self._line.flush()

    def any(self) -> int:
        """How many bytes have arrived by now."""
        return self._line.arrived()

    def read(self, count: int = -1) -> bytes | None:
        """What has arrived, at most `count`; None when nothing has."""
        return self._line.read(count)


class I2C:
    """A bus; an address nobody answers raises OSError as on a chip."""

    def __init__(self, number: int, *, scl: Pin, sda: Pin, freq: int = 400000) -> None:
        self._bus = plant().i2c(number)

    def scan(self) -> list[int]:
        """Addresses that answer."""
        return self._bus.scan()

    def writeto(self, address: int, data: bytes, stop: bool = True) -> int:
        """Write to a device."""
        self._bus.write(address, bytes(data))
        return len(data)

    def readfrom(self, address: int, count: int, stop: bool = True) -> bytes:
        """Read from a device."""
        return self._bus.read(address, count)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write behind a register address."""
        self._bus.write(address, bytes((register,)) + bytes(data))

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        """Read from a register address on."""
        self._bus.write(address, bytes((register,)))
        return self._bus.read(address, count)


class WDT:
    """The watchdog: unlike this process it cannot hang, it is the host's alarm signal."""

    def __init__(self, id: int = 0, timeout: int = 5000) -> None:
        self._timeout_s = (timeout + 999) // 1000
        self.feed()

    def feed(self) -> None:
        """Put the reset off."""
        power.alarm(self._timeout_s)


class RTC:
    """The battery-backed clock, which shows the city's time."""

    def datetime(self, moment: tuple | None = None) -> tuple | None:
        """(year, month, day, weekday, hour, minute, second, microsecond), or set it."""
        if moment is None:
            return plant().city.datetime()
        plant().city.set(moment)
        return None

    def memory(self, data: bytes | None = None) -> bytes | None:
        """The memory of at most 2048 bytes that a reset leaves alone, whole or to be replaced."""
        if data is None:
            return plant().rtc_memory.read()
        plant().rtc_memory.write(bytes(data))
        return None
