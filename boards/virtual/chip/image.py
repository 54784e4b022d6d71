"""An application or boot loader image: read and checked as the boot loader does, and made.

Owns: header, segments, checksum, appended SHA-256, the application's description. The errors'
texts are what a boot loader prints.

Source: ESP-IDF Programming Guide, "App Image Format" (header, segments, checksum, hash,
application description).
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from boards.virtual.chip.errors import ImageError
from boards.virtual.chip.packets import checksum_of

MAGIC = 0xE9
# magic, segments, SPI mode, SPI speed and size, entry; WP pin, 3 bytes of pin drive, chip id,
# least revision (old form), least and greatest revision, 4 reserved, whether a hash is appended.
_HEADER = struct.Struct("<BBBBIB3sHBHH4sB")
_SEGMENT = struct.Struct("<II")
_MOST_SEGMENTS = 16
_HASH_BYTES = 32
_ALIGNMENT = 16
# magic, security version, 8 reserved, version, project, time, date, IDF's version, ELF's hash.
_DESCRIPTION = struct.Struct("<II8s32s32s16s16s32s32s80x")
_DESCRIPTION_MAGIC = 0xABCD5432
_SPI_DIO = 2
_SPI_40_MHZ = 0
NO_WP_PIN = 0xEE


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes and where in the chip's address space they belong."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Description:
    """What an application says of itself in its first segment."""

    project: str
    version: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image that passed its checks.

    Attributes:
        entry: Where it begins to run.
        segments: In order.
        size: Bytes in flash, with checksum and hash.
        description: None for a boot loader.
    """

    entry: int
    segments: tuple[Segment, ...]
    size: int
    description: Description | None


def read_image(data: bytes, chip_id: int, at: int, *, with_hash: bool = True) -> Image:
    """Check an image.

    Args:
        data: Flash from the image's first byte on, as far as it may reach.
        chip_id: The chip's own.
        at: Offset in flash, for the message.
        with_hash: Whether the hash counts; the ROM checks a boot loader by its checksum alone.

    Raises:
        ImageError: what the boot loader prints.
    """
    if len(data) < _HEADER.size or data[0] != MAGIC:
        hint = " (nothing flashed here?)" if data[:1] == b"\xff" else ""
        raise ImageError(f"image at 0x{at:x} has invalid magic byte{hint}")
    header = _HEADER.unpack_from(data)
    count, entry, found_id, hash_appended = header[1], header[4], header[7], header[12]
    if found_id != chip_id:
        raise ImageError(f"mismatch chip ID, expected {chip_id}, found {found_id}")
    if not 0 < count <= _MOST_SEGMENTS:
        raise ImageError(f"image at 0x{at:x} segment count {count} exceeds max {_MOST_SEGMENTS}")
    segments, end = _segments(data, count)
    checked_to = end - end % _ALIGNMENT + _ALIGNMENT
    if checked_to > len(data):
        raise ImageError(f"Image length {checked_to} doesn't fit in partition length {len(data)}")
    checksum = checksum_of(b"".join(segment.data for segment in segments))
    if data[checked_to - 1] != checksum:
        said = data[checked_to - 1]
        raise ImageError(f"Checksum failed. Calculated 0x{checksum:x} read 0x{said:x}")
    size = checked_to
    if hash_appended:
        size += _HASH_BYTES
        digest = hashlib.sha256(data[:checked_to]).digest()
        if with_hash and digest != data[checked_to:size]:
            raise ImageError("Image hash failed - image is corrupt")
    return Image(entry, segments, size, _description(segments[0].data))


def _segments(data: bytes, count: int) -> tuple[tuple[Segment, ...], int]:
    found: list[Segment] = []
    at = _HEADER.size
    for number in range(count):
        if at + _SEGMENT.size > len(data):
            raise ImageError(f"segment {number} header lies outside of the partition")
        address, size = _SEGMENT.unpack_from(data, at)
        at += _SEGMENT.size
        if size % 4:
            raise ImageError(f"unaligned segment length 0x{size:x}")
        if at + size > len(data):
            raise ImageError(f"segment {number}: invalid segment length 0x{size:x}")
        found.append(Segment(address, data[at : at + size]))
        at += size
    return tuple(found), at


def _description(data: bytes) -> Description | None:
    if len(data) < _DESCRIPTION.size:
        return None
    magic, _, _, version, project, *_ = _DESCRIPTION.unpack_from(data)
    if magic != _DESCRIPTION_MAGIC:
        return None
    return Description(_text(project), _text(version))


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("ascii", "replace")


def make_description(project: str, version: str, elf: bytes = b"") -> bytes:
    """What an application's first segment begins with."""
    return _DESCRIPTION.pack(
        _DESCRIPTION_MAGIC,
        0,
        b"",
        version.encode("ascii"),
        project.encode("ascii"),
        b"00:00:00",
        b"Jan  1 2025",
        b"v5.4",
        hashlib.sha256(elf).digest(),
    )


def make_image(chip_id: int, entry: int, segments: Sequence[Segment], flash_mb: int) -> bytes:
    """An image with checksum and hash."""
    size_code = flash_mb.bit_length() - 1
    header = _HEADER.pack(
        *(MAGIC, len(segments), _SPI_DIO, size_code << 4 | _SPI_40_MHZ, entry),
        *(NO_WP_PIN, b"", chip_id, 0, 0, 0xFFFF, b"", 1),
    )
    body = bytearray(header)
    for segment in segments:
        padded = segment.data + b"\0" * (-len(segment.data) % 4)
        body += _SEGMENT.pack(segment.address, len(padded)) + padded
    body += b"\0" * (_ALIGNMENT - 1 - len(body) % _ALIGNMENT)
    body.append(checksum_of(b"".join(segment.data for segment in segments)))
    return bytes(body) + hashlib.sha256(body).digest()
