"""From a reset to an application: what ROM and boot loader look at, and what they say.

Owns the order: boot loader image, partition table, otadata, slots. Nothing is run here; a plan
says which application starts, or why none does.

Source: ESP-IDF Programming Guide, "Bootloader"; ESP32 Technical Reference Manual, chapter "Reset
and Clock" (reset causes); texts as the boot loader of ESP-IDF 5 prints them.
"""

from dataclasses import dataclass
from enum import IntEnum

from boards.virtual.chip import otadata
from boards.virtual.chip.errors import ImageError, TableError
from boards.virtual.chip.flash import SECTOR_BYTES, Flash
from boards.virtual.chip.image import Image, read_image
from boards.virtual.chip.models import Model
from boards.virtual.chip.partitions import (
    APP,
    DATA,
    FACTORY,
    OTA_0,
    OTA_LAST,
    OTADATA,
    TABLE_AT,
    TABLE_BYTES,
    Partition,
    read_table,
)

_BOOT_LOADER_BYTES = 0x8000


class ResetCause(IntEnum):
    """Why the chip starts, as its ROM numbers it."""

    POWER_ON = 0x01
    SOFTWARE = 0x0C
    DEEP_SLEEP = 0x05
    WATCHDOG = 0x10


_CAUSES = {
    ResetCause.POWER_ON: "POWERON_RESET",
    ResetCause.SOFTWARE: "SW_CPU_RESET",
    ResetCause.DEEP_SLEEP: "DEEPSLEEP_RESET",
    ResetCause.WATCHDOG: "RTCWDT_RTC_RESET",
}


@dataclass(frozen=True, slots=True)
class BootPlan:
    """What a reset leads to.

    Attributes:
        said: What is printed on the way.
        slot: The partition that starts; None where none can.
        image: Its application.
        table: All partitions.
    """

    said: str
    slot: Partition | None = None
    image: Image | None = None
    table: tuple[Partition, ...] = ()


def rom_greeting(model: Model, cause: ResetCause, download: bool) -> str:
    """What the ROM says first, whatever follows."""
    said = f"{model.rom_date}\r\n"
    said += "\r\n" if model.name == "esp32" else ""
    said += f"rst:0x{int(cause):x} ({_CAUSES[cause]}),boot:{model.boot_modes[download]}\r\n"
    return said + ("waiting for download\r\n" if download else "")


def plan_boot(model: Model, flash: Flash, cause: ResetCause) -> BootPlan:
    """Follow the boot chain; the otadata's trial state is written on the way, as on the chip.

    Raises:
        PowerCut: while that was written.
    """
    said = rom_greeting(model, cause, download=False)
    start = flash.read(model.boot_loader_at, _BOOT_LOADER_BYTES - model.boot_loader_at)
    try:
        loader = read_image(start, model.image_id, model.boot_loader_at, with_hash=False)
    except ImageError as error:
        if "magic" in str(error):
            word = int.from_bytes(start[:4], "little")
            return BootPlan(said + f"invalid header: 0x{word:08x}\r\n" * 3)
        return BootPlan(said + f"{error}\r\n")
    for segment in loader.segments:
        said += f"load:0x{segment.address:08x},len:{len(segment.data)}\r\n"
    said += f"entry 0x{loader.entry:08x}\r\n"
    try:
        table = read_table(flash.read(TABLE_AT, TABLE_BYTES), flash.size)
    except TableError as error:
        said += _error("flash_parts", str(error))
        said += _error("boot", "Failed to verify partition table")
        return BootPlan(said + _error("boot", "load partition table error!"))
    return _pick(model, flash, said, table)


def _pick(model: Model, flash: Flash, said: str, table: tuple[Partition, ...]) -> BootPlan:
    """The first slot in the boot loader's order whose image is right."""
    slots = _slots(flash, table)
    for slot in slots:
        data = flash.read(slot.offset, slot.size)
        try:
            image = read_image(data, model.image_id, slot.offset)
        except ImageError as error:
            said += _error("esp_image", str(error))
            what = "Factory" if slot.subtype == FACTORY else "OTA"
            number = "" if slot.subtype == FACTORY else f" slot {slot.subtype - OTA_0}"
            said += _error("boot", f"{what} app partition{number} is not bootable")
            continue
        return BootPlan(said, slot, image, table)
    return BootPlan(said + _error("boot", "No bootable app partitions in the partition table"))


def _slots(flash: Flash, table: tuple[Partition, ...]) -> list[Partition]:
    """All slots, the chosen one first, then downwards to the factory's, then upwards."""
    apps = [entry for entry in table if entry.type == APP]
    factory = [entry for entry in apps if entry.subtype == FACTORY]
    ota = [entry for entry in apps if OTA_0 <= entry.subtype <= OTA_LAST]
    ota.sort(key=lambda entry: entry.subtype)
    chosen = _chosen(flash, table, len(ota))
    if chosen is None:
        return [*factory, *ota]
    below = list(reversed(ota[:chosen]))
    return [ota[chosen], *below, *factory, *ota[chosen + 1 :]]


def _chosen(flash: Flash, table: tuple[Partition, ...], slots: int) -> int | None:
    where = [e for e in table if e.type == DATA and e.subtype == OTADATA]
    if not where or not slots or where[0].size < 2 * SECTOR_BYTES:
        return None
    at = where[0].offset
    first = flash.read(at, SECTOR_BYTES)
    second = flash.read(at + SECTOR_BYTES, SECTOR_BYTES)
    records, changed = otadata.after_reset(otadata.read_records((first, second)))
    for record in changed:
        sector_at = at + record.sector * SECTOR_BYTES
        flash.erase(sector_at, SECTOR_BYTES)
        flash.program(sector_at, record.packed())
    record = otadata.choose(records)
    return None if record is None else (record.sequence - 1) % slots


def _error(part: str, text: str) -> str:
    return f"E (46) {part}: {text}\r\n"
