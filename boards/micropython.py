"""A board -> the folder that MicroPython's ESP32 port builds it from (its BOARD_DIR).

The folder says of the chip what board.toml says: module, flash size, flash map, and what is
frozen. Bluetooth is left out: no node uses it, and its heap is dearer than its flash.

    make -C ports/esp32 BOARD_DIR=<folder>

Source: MicroPython 1.25, ports/esp32/CMakeLists.txt and ports/esp32/boards/.
"""

from pathlib import Path

from boards.chips import CHIPS
from boards.description import BoardDescription
from boards.flash_map import flash_map_path

_SIZES_MB = (2, 4, 8, 16)


def write_micropython_board(board: BoardDescription, source: Path, folder: Path) -> None:
    """Write the folder's files.

    Args:
        board: What is built.
        source: The board's own folder, with its manifest.py.
        folder: Made if it is not there.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    for name, text in micropython_board(board, source.resolve(), folder).items():
        (folder / name).write_text(text, encoding="utf-8")


def micropython_board(board: BoardDescription, source: Path, folder: Path) -> dict[str, str]:
    """File name -> content; `source` and `folder` are absolute."""
    configs = ["boards/sdkconfig.base", "${SDKCONFIG_IDF_VERSION_SPECIFIC}"]
    if CHIPS[board.chip].has_psram:
        configs.append("boards/sdkconfig.spiram")
    configs.append("${MICROPY_BOARD_DIR}/sdkconfig.board")
    sizes = [
        f"CONFIG_ESPTOOLPY_FLASHSIZE_{size}MB={'y' if size == board.flash_mb else ''}"
        for size in _SIZES_MB
    ]
    return {
        "mpconfigboard.cmake": "\n".join(
            (
                "set(IDF_TARGET esp32)",
                "set(SDKCONFIG_DEFAULTS",
                *(f"    {config}" for config in configs),
                ")",
                f'set(MICROPY_FROZEN_MANIFEST "{source / "manifest.py"}")',
                "",
            )
        ),
        "mpconfigboard.h": "\n".join(
            (
                f'#define MICROPY_HW_BOARD_NAME "{board.name}"',
                '#define MICROPY_HW_MCU_NAME "ESP32"',
                "#define MICROPY_PY_BLUETOOTH (0)",
                "// The application runs where it lies: vfs.VfsRom and vfs.rom_ioctl.",
                "#define MICROPY_VFS_ROM (1)",
                "",
            )
        ),
        "sdkconfig.board": "\n".join(
            (
                *sizes,
                "CONFIG_PARTITION_TABLE_CUSTOM=y",
                f'CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="{folder / "partitions.csv"}"',
                "",
            )
        ),
        "partitions.csv": flash_map_path(board.flash_mb).read_text("utf-8"),
    }
