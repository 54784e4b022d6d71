"""A board with an Ethernet part gives pins to it that it does not name."""

from pathlib import Path

import pytest

from boards.description import read_board
from boards.errors import BoardError

NAME = "control_cabinet_lan_esp32"


@pytest.mark.parametrize(
    ("old", "new", "wanted", "words"),
    [
        ("coil = 13", "coil = 26", "coil = 26", "pin 26 is used twice"),
        ("tx = 4", "tx = 21", 'part = "lan8720"', "pin 21 is used twice"),
        ("ref_clk = 17", "ref_clk = 14", "ref_clk = 14", "cannot give the Ethernet clock"),
        ("mdc = 23", "mdc = 34", "mdc = 34", "input-only"),
        ("phy_addr = 1", "phy_addr = 32", "phy_addr = 32", "not 0 to 31"),
    ],
)
def test_a_pin_of_the_wired_port_is_nobody_elses(
    repository: Path, tmp_path: Path, old: str, new: str, wanted: str, words: str
) -> None:
    text = (repository / "boards" / NAME / "board.toml").read_text("utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "board.toml").write_text(text)
    with pytest.raises(BoardError, match=words) as caught:
        read_board(folder / "board.toml")
    assert caught.value.line == text.split("\n").index(wanted) + 1
