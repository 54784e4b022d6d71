"""The chips that boards are built around: which pins exist and what each can do.

Source: Espressif ESP32 Series Datasheet, tables "Pin Overview" and "Strapping Pins";
ADC2 is used by the radio, so only ADC1 inputs count as analog.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chip:
    """What a chip's pins can do.

    Attributes:
        name: As board.toml writes it.
        pins: Numbers of pins that may be used.
        input_only: Those without an output driver.
        analog: Those with an ADC that works beside the radio.
        wake: Those in the RTC domain, which can end a deep sleep.
        strapping: Those sampled at reset, which a board must not pull.
        uarts: Serial ports free for parts (0 is the console).
        i2cs: I2C controllers.
        flash_mb: Flash sizes that are sold.
    """

    name: str
    pins: frozenset[int]
    input_only: frozenset[int]
    analog: frozenset[int]
    wake: frozenset[int]
    strapping: frozenset[int]
    uarts: frozenset[int]
    i2cs: frozenset[int]
    flash_mb: frozenset[int]


_ESP32_FLASH_PINS = set(range(6, 12))
_ESP32_ABSENT = {20, 24, 28, 29, 30, 31}
_ESP32_CONSOLE = {1, 3}

CHIPS = {
    "esp32": Chip(
        name="esp32",
        pins=frozenset(set(range(40)) - _ESP32_FLASH_PINS - _ESP32_ABSENT - _ESP32_CONSOLE),
        input_only=frozenset({34, 35, 36, 37, 38, 39}),
        analog=frozenset(range(32, 40)),
        wake=frozenset({0, 2, 4, *range(12, 16), *range(25, 28), *range(32, 40)}),
        strapping=frozenset({0, 2, 5, 12, 15}),
        uarts=frozenset({1, 2}),
        i2cs=frozenset({0, 1}),
        flash_mb=frozenset({4, 8, 16}),
    )
}
