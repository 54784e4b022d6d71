"""What boots: images, tables, slots and trials, whole and damaged."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from boards.flash_map import flash_map_path, read_flash_map
from boards.virtual.chip import otadata
from boards.virtual.chip.base_image import APP_AT, make_application, make_firmware
from boards.virtual.chip.boot import BootPlan, ResetCause, plan_boot
from boards.virtual.chip.errors import ImageError, TableError
from boards.virtual.chip.flash import SECTOR_BYTES, Flash
from boards.virtual.chip.image import read_image
from boards.virtual.chip.models import MODELS, find_model
from boards.virtual.chip.otadata import Record, State
from boards.virtual.chip.partitions import TABLE_AT, TABLE_BYTES, make_table, read_table

MODEL = find_model("esp32")
FLASH_MB = 8
MAP = read_flash_map(flash_map_path(FLASH_MB), FLASH_MB)
OTADATA_AT = MAP["otadata"][2]
_HASH_FLAG_AT = 23
OTA_1_AT = MAP["ota_1"][2]


@pytest.fixture
def flash(tmp_path: Path) -> Flash:
    made = Flash.open(tmp_path / "flash.img", FLASH_MB << 20)
    made.program(MODEL.boot_loader_at, make_firmware(MODEL, FLASH_MB))
    return made


def boot(flash: Flash) -> BootPlan:
    return plan_boot(MODEL, flash, ResetCause.POWER_ON)


def put(flash: Flash, at: int, data: bytes) -> None:
    start = at - at % SECTOR_BYTES
    end = -(-(at + len(data)) // SECTOR_BYTES) * SECTOR_BYTES
    old = flash.read(start, end - start)
    flash.erase(start, end - start)
    flash.program(start, old[: at - start] + data + old[at - start + len(data) :])


def choose(flash: Flash, sector: int, sequence: int, state: int = State.UNDEFINED) -> None:
    record = Record(sector, sequence, state).packed()
    put(flash, OTADATA_AT + sector * SECTOR_BYTES, record)


def slot(plan: BootPlan) -> str | None:
    return None if plan.slot is None else plan.slot.label


def test_a_fresh_firmware_boots_its_first_slot(flash: Flash) -> None:
    plan = boot(flash)
    assert slot(plan) == "ota_0"
    assert plan.image is not None and plan.image.description is not None
    assert plan.image.description.project == "micropython"
    assert "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)" in plan.said


def test_a_blank_chip_says_so_and_does_not_boot(tmp_path: Path) -> None:
    for model in MODELS.values():
        flash = Flash.open(tmp_path / f"{model.name}.img", 4 << 20)
        plan = plan_boot(model, flash, ResetCause.POWER_ON)
        assert plan.slot is None and "invalid header: 0xffffffff" in plan.said
        flash.close()


def test_otadata_chooses_the_slot_by_its_sequence(flash: Flash) -> None:
    flash.program(OTA_1_AT, make_application(MODEL, FLASH_MB))
    for sequence, expected in ((1, "ota_0"), (2, "ota_1"), (3, "ota_0"), (8, "ota_1")):
        choose(flash, sequence % 2, sequence)
        assert slot(boot(flash)) == expected
    # A torn record does not count: the one before it does.
    put(flash, OTADATA_AT, struct.pack("<I", 9) + b"\xff" * 28)
    assert slot(boot(flash)) in ("ota_0", "ota_1")


def test_a_trial_that_is_not_confirmed_goes_back(flash: Flash) -> None:
    flash.program(OTA_1_AT, make_application(MODEL, FLASH_MB))
    choose(flash, 0, 1, State.VALID)
    choose(flash, 1, 2, State.NEW)
    assert slot(boot(flash)) == "ota_1"
    assert slot(boot(flash)) == "ota_0"
    assert slot(boot(flash)) == "ota_0"
    sectors = flash.read(OTADATA_AT, SECTOR_BYTES), flash.read(OTADATA_AT + 4096, SECTOR_BYTES)
    assert otadata.read_records(sectors)[0] == Record(1, 2, State.ABORTED)


def test_a_confirmed_trial_stays(flash: Flash) -> None:
    flash.program(OTA_1_AT, make_application(MODEL, FLASH_MB))
    choose(flash, 1, 2, State.NEW)
    assert slot(boot(flash)) == "ota_1"
    choose(flash, 1, 2, State.VALID)
    assert slot(boot(flash)) == "ota_1"


def test_a_damaged_slot_is_passed_over_with_a_word_why(flash: Flash) -> None:
    choose(flash, 1, 2)
    plan = boot(flash)
    assert slot(plan) == "ota_0"
    assert "image at 0x210000 has invalid magic byte (nothing flashed here?)" in plan.said
    assert "OTA app partition slot 1 is not bootable" in plan.said
    put(flash, APP_AT + 200, b"\x00\x01\x02")
    plan = boot(flash)
    assert slot(plan) is None
    assert "No bootable app partitions in the partition table" in plan.said


def test_an_application_for_another_chip_is_named(flash: Flash) -> None:
    put(flash, APP_AT, make_application(find_model("esp32c3"), FLASH_MB))
    assert "mismatch chip ID, expected 0, found 5" in boot(flash).said


def test_a_damaged_boot_loader_or_table_stops_the_chip(flash: Flash) -> None:
    put(flash, TABLE_AT + 12, b"x")
    plan = boot(flash)
    assert plan.slot is None and "partition table MD5 mismatch" in plan.said
    put(flash, MODEL.boot_loader_at + 40, b"\x00")
    plan = boot(flash)
    assert plan.slot is None and "Checksum failed" in plan.said


@given(at=st.integers(0, 1 << 20), bit=st.integers(0, 7))
@example(at=_HASH_FLAG_AT, bit=0)
def test_no_changed_bit_of_an_application_passes(at: int, bit: int) -> None:
    data = bytearray(make_application(MODEL, FLASH_MB))
    data[at % len(data)] ^= 1 << bit
    if data[_HASH_FLAG_AT] == 0:
        # The format's own gap: without this flag no boot loader looks for a hash.
        assert read_image(bytes(data), MODEL.image_id, APP_AT).size == len(data) - 32
        return
    with pytest.raises(ImageError):
        read_image(bytes(data), MODEL.image_id, APP_AT)


@given(cut=st.integers(0, 1 << 20))
def test_no_shortened_application_passes(cut: int) -> None:
    whole = make_application(MODEL, FLASH_MB)
    torn = whole[: cut % len(whole)].ljust(len(whole), b"\xff")
    if torn != whole:
        with pytest.raises(ImageError):
            read_image(torn, MODEL.image_id, APP_AT)


@given(noise=st.binary(max_size=TABLE_BYTES))
def test_noise_is_no_table(noise: bytes) -> None:
    try:
        found = read_table(noise.ljust(TABLE_BYTES, b"\0"), FLASH_MB << 20)
    except TableError:
        return
    assert found == ()


def test_a_table_comes_back_as_it_was_made() -> None:
    table = make_table(MAP)
    found = {e.label: [e.type, e.subtype, e.offset, e.size] for e in read_table(table, 8 << 20)}
    assert found == MAP
    with pytest.raises(TableError, match="exceeds flash chip size"):
        read_table(table, 4 << 20)
    with pytest.raises(TableError, match="invalid magic number 0xffff"):
        read_table(b"\xff\xff" + table[2:], 8 << 20)


def test_the_header_is_laid_out_as_the_manual_says() -> None:
    data = make_application(find_model("esp32s3"), 8)
    assert data[:4] == bytes((0xE9, 2, 2, 0x30))  # magic, segments, DIO, 8 MB at 40 MHz
    assert struct.unpack_from("<I", data, 4) == (find_model("esp32s3").code_at,)
    assert data[8] == 0xEE and struct.unpack_from("<H", data, 12) == (9,)
    assert data[23] == 1  # a hash is appended
    assert struct.unpack_from("<I", data, 32) == (0xABCD5432,)  # the description comes first
    assert (len(data) - 32) % 16 == 0


def test_records_sort_by_sequence_and_rejected_ones_do_not_count() -> None:
    first = Record(0, 5, State.VALID)
    second = replace(first, sector=1, sequence=6, state=State.INVALID)
    sectors = (first.packed().ljust(64, b"\xff"), second.packed().ljust(64, b"\xff"))
    records = otadata.read_records(sectors)
    assert records == [second, first]
    assert otadata.choose(records) == first
    assert otadata.read_records((b"\xff" * 64, b"\0" * 64)) == []
