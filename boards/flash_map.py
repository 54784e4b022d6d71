"""partitions_<n>mb.csv -> the flash map of a board with n MB of flash.

The same file goes into the build of MicroPython for that board, so its form is ESP-IDF's.
Nothing may overlap, leave the flash, or begin between two erase blocks; each half of romfs holds
the largest application that may be signed.

Source: ESP-IDF Programming Guide, "Partition Tables".
"""

from pathlib import Path

from boards.errors import BoardError
from ota.verify.limits import MAX_BUNDLE_BYTES

_SECTOR_BYTES = 4096
# An application begins where the chip's memory mapping can begin.
_APP_ALIGNMENT = 65536
# Before it lie the boot loader and the table itself.
_FIRST_BYTE = 0x9000
_TYPES = {"app": 0, "data": 1}
_SUBTYPES = {
    "app": {"factory": 0, "ota_0": 0x10, "ota_1": 0x11},
    "data": {"ota": 0, "phy": 1, "nvs": 2, "fat": 0x81},
}
_NAME_CHARS = 16
# MicroPython finds the partition that it maps by this name.
_ROMFS = "romfs"

# Label -> type, subtype, offset and size, both in bytes.
FlashMap = dict[str, list[int]]


def flash_map_path(flash_mb: int) -> Path:
    """Where the map for a size of flash lies."""
    return Path(__file__).parent / f"partitions_{flash_mb}mb.csv"


def read_flash_map(path: Path, flash_mb: int) -> FlashMap:
    """Read and check a flash map.

    Args:
        path: A partition table as CSV.
        flash_mb: Size of the flash in MiB.

    Raises:
        BoardError: with the line at fault.
        OSError: the file cannot be read.
    """
    found: FlashMap = {}
    end = _FIRST_BYTE
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        words = [word.strip() for word in line.split("#")[0].split(",")]
        if words == [""]:
            continue
        label, entry = _entry(path, number, words)
        if label in found:
            raise BoardError(path, number, f"a second partition {label}")
        if entry[2] < end:
            raise BoardError(path, number, f"{label} overlaps what lies before it")
        end = entry[2] + entry[3]
        if end > flash_mb << 20:
            raise BoardError(path, number, f"{label} ends beyond {flash_mb} MiB")
        if label == _ROMFS and (
            entry[:2] != [1, 0x8F]
            or entry[3] % (2 * _SECTOR_BYTES)
            or entry[3] < 2 * MAX_BUNDLE_BYTES
        ):
            raise BoardError(
                path, number, f"romfs is data, 0x8f, with two halves of {MAX_BUNDLE_BYTES} and more"
            )
        found[label] = entry
    return found


def _entry(path: Path, number: int, words: list[str]) -> tuple[str, list[int]]:
    if len(words) != 5:
        raise BoardError(path, number, "a partition has name, type, subtype, offset, size")
    label, type_name, subtype_name, offset_text, size_text = words
    if not 0 < len(label) <= _NAME_CHARS or not label.isascii():
        raise BoardError(path, number, f"a name has at most {_NAME_CHARS} letters")
    if type_name not in _TYPES:
        raise BoardError(path, number, f"unknown type {type_name!r}: {', '.join(_TYPES)}")
    subtype = _SUBTYPES[type_name].get(subtype_name)
    if subtype is None:
        subtype = _number(path, number, subtype_name, 0xFE)
    offset = _number(path, number, offset_text, 1 << 32)
    size = _number(path, number, size_text, 1 << 32)
    alignment = _APP_ALIGNMENT if type_name == "app" else _SECTOR_BYTES
    if offset % alignment or size % _SECTOR_BYTES or not size:
        raise BoardError(path, number, f"{label} does not fit blocks of {alignment} bytes")
    return label, [_TYPES[type_name], subtype, offset, size]


def _number(path: Path, number: int, text: str, most: int) -> int:
    try:
        value = int(text, 0)
    except ValueError as error:
        raise BoardError(path, number, f"{text!r} is no number") from error
    if not 0 <= value <= most:
        raise BoardError(path, number, f"{text} is out of range")
    return value
