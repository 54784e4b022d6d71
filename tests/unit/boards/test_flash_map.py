"""The flash maps of the boards, and what is wrong with a wrong one."""

from pathlib import Path

import pytest

from boards.chips import CHIPS
from boards.errors import BoardError
from boards.flash_map import flash_map_path, read_flash_map
from firmware.core.outbox_flash import OUTBOX_SECTORS, PARTITION
from ota.verify.limits import MAX_BUNDLE_BYTES

SIZES = sorted({size for chip in CHIPS.values() for size in chip.flash_mb})
GOOD = "nvs, data, nvs, 0x9000, 0x4000\nota_0, app, ota_0, 0x10000, 0x180000\n"


@pytest.mark.parametrize("flash_mb", SIZES)
def test_each_size_of_flash_has_room_for_everything(flash_mb: int) -> None:
    found = read_flash_map(flash_map_path(flash_mb), flash_mb)
    assert {"otadata", "ota_0", "ota_1", "romfs", "vfs", PARTITION} <= set(found)
    assert found[PARTITION][:2] == [1, 0x40]
    assert found[PARTITION][3] >= OUTBOX_SECTORS * 4096
    assert found["ota_0"][3] == found["ota_1"][3] >= 0x180000
    assert found["vfs"][3] >= 320 * 1024
    # All of it is mapped at once, beside what MicroPython itself maps of its 4 MiB window.
    assert 2 * MAX_BUNDLE_BYTES <= found["romfs"][3] <= 1024 * 1024
    assert found["romfs"][2] % 65536 == 0


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (GOOD + "vfs, data, fat, 0x18f000, 0x1000", 3, "overlaps"),
        (GOOD + "vfs, data, fat, 0x3ff000, 0x2000", 3, "beyond 4 MiB"),
        (GOOD + "nvs, data, fat, 0x190000, 0x1000", 3, "second partition nvs"),
        (GOOD + "vfs, data, fat, 0x190800, 0x1000", 3, "blocks of 4096"),
        (GOOD + "ota_1, app, ota_1, 0x191000, 0x10000", 3, "blocks of 65536"),
        (GOOD + "vfs, data, fat, 0x190000, 0", 3, "blocks of 4096"),
        (GOOD + "\n# note\nvfs, data, fat", 5, "has name"),
        (GOOD + "vfs, disk, fat, 0x190000, 0x1000", 3, "unknown type"),
        (GOOD + "vfs, data, fat, here, 0x1000", 3, "no number"),
        (GOOD + "vfs, data, 0xff, 0x190000, 0x1000", 3, "out of range"),
        (GOOD + "a_name_of_more_than_sixteen, data, fat, 0x190000, 0x1000", 3, "at most 16"),
        (GOOD + "romfs, data, 0x8f, 0x190000, 0x6f000", 3, "two halves"),
        (GOOD + "romfs, data, 0x8f, 0x190000, 0x71000", 3, "two halves"),
        (GOOD + "romfs, data, 0x40, 0x190000, 0x70000", 3, "two halves"),
        ("nvs, data, nvs, 0x8000, 0x1000", 1, "overlaps"),
    ],
)
def test_a_wrong_map_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    path = tmp_path / "partitions.csv"
    path.write_text(text)
    with pytest.raises(BoardError) as caught:
        read_flash_map(path, 4)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert problem in str(caught.value)
