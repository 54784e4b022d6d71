"""The factory's installation of a node."""

import json
from pathlib import Path

import pytest

from ota.publish import encode_bundle
from tools.errors import FileError
from tools.node.slots import FactoryImage, install, is_installed

HALF = 8192
BOARD = json.dumps({"partitions": {"romfs": [1, 0x8F, 0x310000, 2 * HALF]}}).encode()
IMAGE = FactoryImage(
    encode_bundle({"firmware/main.mpy": b"M\x06", "protocols/codec.mpy": b"M"}),
    b"# boot",
    BOARD,
)


def test_slot_a_runs_and_slot_b_is_free(tmp_path: Path) -> None:
    node = tmp_path / "node"
    assert not is_installed(node)
    install(IMAGE, node)
    assert is_installed(node)
    flash = (node / "flash" / "romfs.img").read_bytes()
    assert len(flash) == 2 * HALF
    assert flash.startswith(IMAGE.bundle)
    assert not any(flash[HALF:])
    assert (node / "main.py").read_bytes() == b"# boot"
    slots = json.loads((node / "slots.json").read_text())
    assert slots == {"active": "a", "trial": None, "attempts": 0, "rolled_back": None}


def test_a_node_that_runs_something_is_left_alone(tmp_path: Path) -> None:
    install(IMAGE, tmp_path)
    with pytest.raises(FileError, match="is there already"):
        install(IMAGE, tmp_path)


@pytest.mark.parametrize(
    "board",
    [
        b"{}",
        b"",
        b"[]",
        b'{"partitions": {"romfs": [1, 143, 0, "x"]}}',
        BOARD.replace(b"16384", b"64"),
    ],
)
def test_a_board_without_room_for_it_is_refused(tmp_path: Path, board: bytes) -> None:
    with pytest.raises(FileError, match=r"romfs|does not fit"):
        install(FactoryImage(IMAGE.bundle, IMAGE.bootstrap, board), tmp_path)
    assert not is_installed(tmp_path)


def test_a_damaged_application_is_not_installed(tmp_path: Path) -> None:
    cut = FactoryImage(IMAGE.bundle[:-1], IMAGE.bootstrap, IMAGE.board)
    with pytest.raises(FileError, match=r"length_mismatch|malformed_bundle"):
        install(cut, tmp_path)
    assert not is_installed(tmp_path)
