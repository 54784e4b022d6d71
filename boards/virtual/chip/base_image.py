"""The firmware image that a virtual chip boots: boot loader, partition table, application.

    python -m boards.virtual.chip.base_image --chip esp32s3 --flash-mb 8 --out firmware.bin

One file, as MicroPython's own downloads are: it is written at the chip's boot loader offset
(0x1000 on an ESP32, 0 on the others), and its layout is a real chip's. Boot loader and
application hold no machine code: the chip takes an application whose project is "micropython"
for its own MicroPython.
"""

import argparse
import sys
from pathlib import Path

from boards.errors import BoardError
from boards.flash_map import flash_map_path, read_flash_map
from boards.virtual.chip.errors import ChipError
from boards.virtual.chip.image import Segment, make_description, make_image
from boards.virtual.chip.models import MODELS, Model, find_model
from boards.virtual.chip.partitions import TABLE_AT, make_table

APP_AT = 0x10000
PROJECT = "micropython"
VERSION = "v1.25.0-virtual"
FLASH_SIZES_MB = (4, 8, 16)
_NOTE = b"SIMULATOR: this image holds no machine code; a virtual chip boots it.\0"


def make_firmware(model: Model, flash_mb: int) -> bytes:
    """The whole image, from the boot loader's offset on.

    Raises:
        ChipError: there is no flash map of that size.
    """
    try:
        entries = read_flash_map(flash_map_path(flash_mb), flash_mb)
    except (BoardError, OSError) as error:
        raise ChipError(f"no flash map for {flash_mb} MB: {error}") from error
    start = model.boot_loader_at
    loader = make_boot_loader(model, flash_mb)
    firmware = loader.ljust(TABLE_AT - start, b"\xff") + make_table(entries)
    return firmware.ljust(APP_AT - start, b"\xff") + make_application(model, flash_mb)


def make_boot_loader(model: Model, flash_mb: int) -> bytes:
    """A second-stage boot loader, as the ROM wants to see one."""
    return make_image(model.image_id, model.code_at, [Segment(model.code_at, _NOTE)], flash_mb)


def make_application(
    model: Model, flash_mb: int, project: str = PROJECT, content: bytes = b""
) -> bytes:
    """An application that says of itself what it is, and holds some more bytes if wanted."""
    constants = make_description(project, VERSION, _NOTE) + _NOTE + content
    segments = [Segment(model.flash_at, constants), Segment(model.code_at, _NOTE)]
    return make_image(model.image_id, model.code_at, segments, flash_mb)


def main() -> int:
    """Make an image from the command line; a known error is one line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m boards.virtual.chip.base_image")
    parser.add_argument("--chip", choices=MODELS, required=True)
    parser.add_argument("--flash-mb", type=int, choices=FLASH_SIZES_MB, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    model = find_model(arguments.chip)
    try:
        firmware = make_firmware(model, arguments.flash_mb)
        arguments.out.write_bytes(firmware)
    except ChipError as error:
        print(f"base image: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"base image: {arguments.out}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"{arguments.out}: {len(firmware)} bytes, for offset {model.boot_loader_at:#x}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
