"""SIMULATOR: what ends a deep sleep beside its timer.

The firmware arms pins (esp32.wake_on_ext0, wake_on_ext1); the parts on them say what in the
world around would raise each, and the bench, which outlives the process, watches for that:
[what is set by hand, above which value, for how many milliseconds, the reason to boot with].
"""

from plant import power

# The pins of the chip's RTC domain.
_RTC_PINS = (0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39)


def arm(plant: object, reason: int, pins: list, level: int) -> None:
    """Let these pins wake the chip with `reason`; a later call for it replaces an earlier one."""
    for pin in pins:
        if pin.number not in _RTC_PINS:
            raise ValueError("invalid pin")
    if pins and not level:
        raise ValueError("this bench wakes at a high level only")
    plant.armed[reason] = [pin.number for pin in pins]


def sleep(plant: object, time_ms: int) -> None:
    """End this process; the bench boots it again."""
    wake = []
    for reason, pins in plant.armed.items():
        for part in plant.parts.values():
            if part.settings.get("wake") in pins:
                wake.extend([condition + [reason] for condition in part.wakes()])
        for number in pins:
            if plant.pin(number).level():
                wake.append(["", 0, 0, reason])  # it is high already, so it wakes at once
    plant.tell({"sleep_ms": time_ms, "wake": wake})
    power.leave(power.EXIT_DEEP_SLEEP)
