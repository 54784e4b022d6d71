# The chip itself: clock, watchdog, resets, chance. Nothing else in the application asks
# machine for these, so a test or another port replaces one file.

import os
import time

import machine

_CAUSES = (
    ("PWRON_RESET", "power_on"),
    ("HARD_RESET", "reset"),
    ("WDT_RESET", "watchdog"),
    ("DEEPSLEEP_RESET", "deep_sleep"),
    ("SOFT_RESET", "soft_reset"),
)


def clock() -> object:
    return machine.RTC()


def watchdog(timeout_ms: int) -> object:
    return machine.WDT(timeout=timeout_ms)


def reset() -> None:
    machine.reset()


def reset_cause() -> str:
    # ESP32 reports a brown-out as a power-on and a panic as a hard reset.
    cause = machine.reset_cause()
    for attribute, name in _CAUSES:
        if cause == getattr(machine, attribute, None):
            return name
    return "unknown"


def random_bits(bits: int) -> int:
    # random.getrandbits starts from a fixed seed on some ports; the hardware source does not.
    return int.from_bytes(os.urandom((bits + 7) // 8), "big") & ((1 << bits) - 1)


# The time that TLS judges certificates by, as unix seconds: the port's own clock, which
# counts from 2000 on a chip. On a virtual board it is the host's, not the city's.
def system_now_s() -> int:
    base_s = 946684800 if time.gmtime(0)[0] == 2000 else 0
    return int(time.time()) + base_s


# Until `time_ms` are over or one of these pins is high; does not return. A pin that is high
# already would end it at once, so it is left out.
def deep_sleep(time_ms: int, wake_pins: list[int]) -> None:
    pins = [machine.Pin(number, machine.Pin.IN) for number in wake_pins if not is_high(number)]
    if pins:
        import esp32

        esp32.wake_on_ext1(pins, esp32.WAKEUP_ANY_HIGH)
    machine.deepsleep(time_ms)


def is_high(number: int) -> bool:
    return machine.Pin(number, machine.Pin.IN).value() == 1


def is_woken_by_pin() -> bool:
    reason = getattr(machine, "wake_reason", None)
    return reason is not None and reason() in (machine.EXT0_WAKE, machine.EXT1_WAKE)
