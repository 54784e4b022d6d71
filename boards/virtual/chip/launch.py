"""How MicroPython is started on a virtual chip: program, environment, what it is told.

Owns the two words in the environment: CITYFLEET_CHIP (this chip: image, partitions, REPL) and
CITYFLEET_BENCH (what hangs on its pins; boards/virtual/README.md).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boards.virtual.chip.boot import BootPlan
from boards.virtual.chip.errors import ChipError
from boards.virtual.chip.models import Model
from boards.virtual.chip.partitions import DATA

# What MicroPython for the ESP32 looks for, in this order.
_VFS_LABELS = ("vfs", "ffat")
# A 64-bit build needs twice a chip's heap for the same objects, and the simulated board some more.
_HEAP = "1m"
# In the board's folder, which its processes see as /.chip.
_LIBRARY = "lib"


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """What a board is made of.

    Attributes:
        name: For messages and the log.
        model: The chip.
        mac: Its address, six bytes.
        image: The flash's file.
        micropython: The program.
        folder: The board's own: log, RTC memory, modules of the simulator.
        plant: What more the plant is told (boards/virtual/README.md, the word of the bench).
    """

    name: str
    model: Model
    mac: bytes
    image: Path
    micropython: Path
    folder: Path
    plant: Mapping[str, Any] = field(default_factory=dict[str, Any])


def make_folder(folder: Path, library: Path) -> None:
    """The board's folder with the simulator's modules, compiled, in it.

    Raises:
        ChipError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / _LIBRARY
        if link.is_symlink():
            link.unlink()
        link.symlink_to(library.resolve(), target_is_directory=True)
    except OSError as error:
        raise ChipError(f"{folder}: {error.strerror}") from error


def boot_argv(settings: BoardSettings) -> tuple[str, ...]:
    """Program and arguments."""
    return (str(settings.micropython), "-X", f"heapsize={_HEAP}", "-m", "chip.start")


def boot_environment(
    settings: BoardSettings, chip: Mapping[str, Any], plant: Mapping[str, Any]
) -> dict[str, str]:
    """The whole environment of one boot."""
    seed = int.from_bytes(settings.mac[2:], "big")
    word = {"node": settings.name, "seed": seed, "mac": settings.mac.hex(), **plant}
    word["kept"] = "/.chip/"
    return {
        "PATH": os.defpath,
        "MICROPYPATH": f"{settings.folder.resolve() / _LIBRARY}:.frozen",
        "CITYFLEET_CHIP": json.dumps(chip),
        "CITYFLEET_BENCH": json.dumps(word),
    }


def chip_word(settings: BoardSettings, plan: BootPlan) -> dict[str, Any]:
    """What device/chip/start.py is told of the chip and what it booted."""
    assert plan.slot is not None
    data = {entry.label: entry for entry in plan.table if entry.type == DATA}
    vfs = next((data[label] for label in _VFS_LABELS if label in data), None)
    chip = settings.model.name.upper()
    return {
        "image": str(settings.image.resolve()),
        "folder": str(settings.folder.resolve()),
        "machine": f"Virtual {chip} module with {chip}",
        "slot": plan.slot.label,
        "vfs": None if vfs is None else [vfs.offset, vfs.size],
        "partitions": {e.label: [e.type, e.subtype, e.offset, e.size] for e in plan.table},
    }
