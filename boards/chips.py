"""The chips that boards are built around: which pins exist and what each can do.

Source: Espressif ESP32 Series Datasheet, tables "Pin Overview" and "Strapping Pins", and the
datasheets of the modules ESP32-WROOM-32E and ESP32-WROVER-E; ADC2 is used by the radio, so only
ADC1 inputs count as analog.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Chip:
    """What a chip's pins can do, on the modules that it is sold as.

    Attributes:
        name: As board.toml writes it.
        pins: Numbers of pins that may be used.
        reserved: Those that are there for something else, and for what.
        input_only: Those without an output driver.
        analog: Those with an ADC that works beside the radio.
        wake: Those in the RTC domain, which can end a deep sleep.
        strapping: Those sampled at reset, which a board must not pull, and what each decides.
        ethernet_clock: Those that can give the 50 MHz of an Ethernet part.
        uarts: Serial ports free for parts (0 is the console).
        i2cs: I2C controllers.
        flash_mb: Flash sizes that are sold.
        has_psram: Whether there is more memory behind the chip's own.
    """

    name: str
    pins: frozenset[int]
    reserved: Mapping[int, str]
    input_only: frozenset[int]
    analog: frozenset[int]
    wake: frozenset[int]
    strapping: Mapping[int, str]
    ethernet_clock: frozenset[int]
    uarts: frozenset[int]
    i2cs: frozenset[int]
    flash_mb: frozenset[int]
    has_psram: bool = False


_FLASH = dict.fromkeys(range(6, 12), "is wired to the flash inside the module")
_PSRAM = dict.fromkeys((16, 17), "is wired to the PSRAM inside the module")
_CONSOLE = dict.fromkeys((1, 3), "is the console's")
_INSIDE = dict.fromkeys((37, 38), "is not led out of the module")
_ABSENT = {20, 24, 28, 29, 30, 31}

_ESP32 = Chip(
    name="esp32",
    pins=frozenset(set(range(40)) - _ABSENT - {*_FLASH, *_CONSOLE, *_INSIDE}),
    reserved=_FLASH | _CONSOLE | _INSIDE,
    input_only=frozenset({34, 35, 36, 37, 38, 39}),
    analog=frozenset(range(32, 40)),
    wake=frozenset({0, 2, 4, *range(12, 16), *range(25, 28), *range(32, 40)}),
    strapping={
        0: "chooses between program and download",
        2: "has to be low for a download",
        5: "sets the timing of the SDIO slave",
        12: "sets the voltage of the flash",
        15: "silences the boot loader",
    },
    ethernet_clock=frozenset({16, 17}),
    uarts=frozenset({1, 2}),
    i2cs=frozenset({0, 1}),
    flash_mb=frozenset({4, 8, 16}),
)

CHIPS = {
    chip.name: chip
    for chip in (
        _ESP32,
        replace(
            _ESP32,
            name="esp32_psram",
            pins=_ESP32.pins - set(_PSRAM),
            reserved={**_ESP32.reserved, **_PSRAM},
            has_psram=True,
        ),
    )
}
