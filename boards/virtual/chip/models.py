"""The chips that can be had, and what their registers say about themselves.

A register that is not in the table reads as zero. Tables are our own, from the manuals.

Source: Espressif, ESP32 Technical Reference Manual, chapters "eFuse Controller", "SPI", "UART";
the same chapters of the manuals of ESP32-S3, ESP32-C3 and ESP32-C6; ESP-IDF Programming Guide,
"App Image Format" (chip id) and "eFuse Manager" (version fields of block 1).
"""

from collections.abc import Callable
from dataclasses import dataclass

from boards.virtual.chip.errors import ChipError


@dataclass(frozen=True, slots=True)
class SpiLayout:
    """Where the registers of the flash's SPI controller lie."""

    base: int
    addr: int
    usr: int
    usr1: int
    usr2: int
    mosi_bits: int
    miso_bits: int
    data: int


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of chip.

    Attributes:
        name: As --chip takes it.
        image_id: In the header of images made for it, and in its security information.
        magic: What stands at 0x40001000 in its ROM.
        boot_loader_at: Where in flash the ROM looks for the second boot loader.
        says_security_info: Whether the ROM knows GET_SECURITY_INFO.
        ram: Ranges that MEM_DATA may write to.
        flash_at: Where flash is mapped for constants; an application's first segment.
        code_at: Where RAM for code begins.
        spi: The flash's SPI controller.
        fuses: MAC address -> the registers of the fuses and others that are fixed.
        rom_date: What the ROM prints first.
        boot_modes: What the ROM prints when it (boots from flash, waits for a download).
    """

    name: str
    image_id: int
    magic: int
    boot_loader_at: int
    says_security_info: bool
    ram: tuple[range, ...]
    flash_at: int
    code_at: int
    spi: SpiLayout
    fuses: Callable[[bytes], dict[int, int]]
    rom_date: str
    boot_modes: tuple[str, str]


def find_model(name: str) -> Model:
    """The chip of that name.

    Raises:
        ChipError: there is none.
    """
    if name not in MODELS:
        raise ChipError(f"unknown chip {name!r}: {', '.join(MODELS)}")
    return MODELS[name]


def _esp32_fuses(mac: bytes) -> dict[int, int]:
    """An ESP32-D0WD, revision 3.0, with a 40 MHz crystal."""
    efuse = 0x3FF5A000
    return {
        efuse + 0x04: int.from_bytes(mac[2:], "big"),
        efuse + 0x08: int.from_bytes(mac[:2], "big") | crc8_maxim(mac) << 16,
        efuse + 0x0C: 1 << 15 | 1 << 9,  # revision bit 0; package 1
        efuse + 0x14: 1 << 20,  # revision bit 1
        0x3FF6607C: 1 << 31,  # revision bit 2
        0x3FF40014: 40_000_000 // 115_200,  # divider of UART 0
    }


def _newer_fuses(
    efuse: int, word_3: int, word_5: int, mac_extension: int = 0
) -> Callable[[bytes], dict[int, int]]:
    """Chips whose fuses come in blocks; block 1 begins at 0x44."""

    def fuses(mac: bytes) -> dict[int, int]:
        return {
            efuse + 0x44: int.from_bytes(mac[2:], "big"),
            efuse + 0x48: int.from_bytes(mac[:2], "big") | mac_extension << 16,
            efuse + 0x50: word_3,
            efuse + 0x58: word_5,
        }

    return fuses


def crc8_maxim(data: bytes) -> int:
    """The CRC that the fuses of an ESP32 hold over its MAC address."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


_NEWER_MODES = ("0x8 (SPI_FAST_FLASH_BOOT)", "0x0 (DOWNLOAD(USB/UART0))")
_C_MODES = ("0xc (SPI_FAST_FLASH_BOOT)", "0x4 (DOWNLOAD(USB/UART0/1))")


def _newer_spi(base: int) -> SpiLayout:
    return SpiLayout(base, 0x04, 0x18, 0x1C, 0x20, 0x24, 0x28, 0x58)


MODELS = {
    "esp32": Model(
        name="esp32",
        image_id=0,
        magic=0x00F01D83,
        boot_loader_at=0x1000,
        says_security_info=False,
        ram=(range(0x3FFAE000, 0x40000000), range(0x40080000, 0x400C0000)),
        flash_at=0x3F400020,
        code_at=0x40080000,
        spi=SpiLayout(0x3FF42000, 0x04, 0x1C, 0x20, 0x24, 0x28, 0x2C, 0x80),
        fuses=_esp32_fuses,
        rom_date="ets Jul 29 2019 12:21:46",
        boot_modes=(
            "0x13 (SPI_FAST_FLASH_BOOT)",
            "0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))",
        ),
    ),
    "esp32s3": Model(
        name="esp32s3",
        image_id=9,
        magic=0x9,
        boot_loader_at=0,
        says_security_info=True,
        ram=(range(0x3FC88000, 0x3FD00000), range(0x40370000, 0x403E0000)),
        flash_at=0x3C000020,
        code_at=0x40374000,
        spi=_newer_spi(0x60002000),
        fuses=_newer_fuses(0x60007000, 2 << 18, 0),  # revision 0.2
        rom_date="ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021",
        boot_modes=_NEWER_MODES,
    ),
    "esp32c3": Model(
        name="esp32c3",
        image_id=5,
        magic=0x1B31506F,
        boot_loader_at=0,
        says_security_info=True,
        ram=(range(0x3FC80000, 0x3FCE0000), range(0x4037C000, 0x403E0000)),
        flash_at=0x3C000020,
        code_at=0x40380000,
        spi=_newer_spi(0x60002000),
        fuses=_newer_fuses(0x60008800, 4 << 18, 0),  # revision 0.4
        rom_date="ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021",
        boot_modes=_C_MODES,
    ),
    "esp32c6": Model(
        name="esp32c6",
        image_id=13,
        magic=0x2CE0806F,
        boot_loader_at=0,
        says_security_info=True,
        ram=(range(0x40800000, 0x40880000),),
        flash_at=0x42000020,
        code_at=0x40800000,
        spi=_newer_spi(0x60003000),
        fuses=_newer_fuses(0x600B0800, 1 << 18, 0, 0xFFFE),  # revision 0.1
        rom_date="ESP-ROM:esp32c6-20220919\r\nBuild:Sep 19 2022",
        boot_modes=_C_MODES,
    ),
}
