"""Installs an application into a node's folder as the factory does: slot a, and the bootstrap."""

from dataclasses import dataclass
from pathlib import Path

from ota.errors import ReleaseError
from ota.flash_image import write_factory_flash
from ota.verify.errors import UpdateError
from tools.errors import FileError
from tools.files import write_atomic, write_json

# What the bootstrap reads: slot a runs, nothing is on trial.
_FACTORY_SLOTS = {"active": "a", "trial": None, "attempts": 0, "rolled_back": None}


@dataclass(frozen=True, slots=True)
class FactoryImage:
    """What a kind of node leaves the factory with.

    Attributes:
        bundle: the application, as `ota.publish.build_bundle` made it.
        bootstrap: the content of main.py.
        board: the content of board.json.
    """

    bundle: bytes
    bootstrap: bytes
    board: bytes


def is_installed(folder: Path) -> bool:
    """Whether the folder has had its factory installation."""
    return (folder / "slots.json").is_file()


def install(image: FactoryImage, folder: Path) -> None:
    """Writes bootstrap, board description and flash; slots.json last, as the sign of a whole.

    Raises:
        FileError: the folder has slots already, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_factory_flash(image.bundle, image.board, folder)
    except (ReleaseError, UpdateError) as error:
        raise FileError(f"cannot install the application: {error}") from error
    except OSError as error:
        raise FileError(f"cannot write {folder}: {error.strerror}") from error
    write_atomic(folder / "board.json", image.board)
    write_atomic(folder / "main.py", image.bootstrap)
    write_json(folder / "slots.json", _FACTORY_SLOTS)
