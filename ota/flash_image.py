"""The flash of a node as it leaves the factory: the first application in slot a.

    write_factory_flash(bundle, board_json, node_folder)      # node_folder/flash/romfs.img

The two slots are the halves of the partition "romfs", a first. The file is that partition: the
virtual board maps it, a technician writes it to a chip at the partition's offset
(boards/README.md). What no application was written to stays as it was: a node erases before it
writes.
"""

import json
import os
import tempfile
from pathlib import Path

from ota.errors import BuildError
from ota.romfs import decode_image

PARTITION = "romfs"


def write_factory_flash(bundle: bytes, board: bytes, folder: Path) -> None:
    """Write flash/romfs.img under a node's folder; whole, or not at all.

    Args:
        bundle: As publish.build_bundle returned it.
        board: The content of board.json.
        folder: The node's folder.

    Raises:
        BuildError: there is one already, or the board has no place for it.
        UpdateError: the bundle is not good.
        OSError: it cannot be written.
    """
    decode_image(bundle)
    size = _partition_bytes(board)
    if len(bundle) > size // 2:
        raise BuildError(f"a bundle of {len(bundle)} bytes does not fit half of {size}")
    path = folder / "flash" / f"{PARTITION}.img"
    if path.exists():
        raise BuildError(f"{path} is there already")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as new:
        try:
            new.write(bundle)
            new.truncate(size)
            os.chmod(new.name, 0o644)
            os.replace(new.name, path)
        except BaseException:
            os.unlink(new.name)
            raise


def _partition_bytes(board: bytes) -> int:
    """The size of the partition by the board's description."""
    try:
        size = json.loads(board)["partitions"][PARTITION][3]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BuildError(f"the board description has no partition {PARTITION}") from error
    if type(size) is not int or size <= 0:
        raise BuildError(f"the partition {PARTITION} has no size")
    return size
