"""The flash chip: NOR rules, power that goes at any byte."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.virtual.chip.errors import FlashError, PowerCut
from boards.virtual.chip.flash import SECTOR_BYTES, Flash

SIZE = 1 << 20
OPERATIONS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 12287), st.binary(min_size=1, max_size=300)),
    max_size=12,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flash") / "flash.img"


@given(operations=OPERATIONS)
def test_programs_only_clear_and_erases_only_set(
    path: Path, operations: list[tuple[bool, int, bytes]]
) -> None:
    flash = Flash.open(path, SIZE)
    flash.erase(0, 4 * SECTOR_BYTES)
    model = bytearray(b"\xff" * 4 * SECTOR_BYTES)
    for is_erase, at, data in operations:
        if is_erase:
            start = at - at % SECTOR_BYTES
            flash.erase(start, SECTOR_BYTES)
            model[start : start + SECTOR_BYTES] = b"\xff" * SECTOR_BYTES
        else:
            flash.program(at, data)
            for offset, byte in enumerate(data):
                model[at + offset] &= byte
    assert flash.read(0, len(model)) == bytes(model)
    flash.close()


@given(cut=st.integers(0, 2 * SECTOR_BYTES + 499), seed=st.integers(0, 99))
def test_a_cut_leaves_what_was_written_and_one_torn_place(path: Path, cut: int, seed: int) -> None:
    flash = Flash.open(path, SIZE, seed)
    flash.erase(0, 3 * SECTOR_BYTES)
    flash.program(0, bytes(3 * SECTOR_BYTES))
    flash.cut_after(cut)
    data = bytes(range(250)) * 2
    with pytest.raises(PowerCut):
        _erase_and_write(flash, data)
    after = flash.read(0, 3 * SECTOR_BYTES)
    assert after[2 * SECTOR_BYTES :] == bytes(SECTOR_BYTES)
    if cut >= 2 * SECTOR_BYTES:
        written = cut - 2 * SECTOR_BYTES
        assert after[:written] == data[:written]
        assert after[written] & data[written] == data[written]
        assert after[written + 1 : 2 * SECTOR_BYTES].count(0xFF) == 2 * SECTOR_BYTES - written - 1
    else:
        assert after[:cut] == b"\xff" * cut
    # The power is back: the same again is whole.
    _erase_and_write(flash, data)
    assert flash.read(0, len(data)) == data
    flash.close()


def _erase_and_write(flash: Flash, data: bytes) -> None:
    flash.erase(0, 2 * SECTOR_BYTES)
    flash.program(0, data)


def test_what_does_not_fit_is_refused(path: Path, tmp_path: Path) -> None:
    flash = Flash.open(path, SIZE)
    for offset, size in ((SIZE, 1), (-1, 1), (SIZE - 10, 11)):
        with pytest.raises(FlashError):
            flash.read(offset, size)
    for offset, size in ((1, SECTOR_BYTES), (0, 100)):
        with pytest.raises(FlashError):
            flash.erase(offset, size)
    flash.close()
    with pytest.raises(FlashError, match="holds 1048576 bytes"):
        Flash.open(path, 2 * SIZE)
    with pytest.raises(FlashError, match="no flash of 3145728 bytes"):
        Flash.open(tmp_path / "new.img", 3 * SIZE)
    with pytest.raises(FlashError, match="No such file"):
        Flash.open(tmp_path / "absent" / "new.img", SIZE)
