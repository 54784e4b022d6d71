"""The stock esptool, run as a program, on virtual boards with a pseudo-terminal as their port."""

import hashlib
import random
from collections.abc import Generator
from pathlib import Path

import pytest

from boards.virtual.chip.base_image import APP_AT, make_application, make_firmware
from boards.virtual.chip.models import MODELS, find_model
from tests.unit.boards.virtual.chip.rig_runner import RigBoard, rig, run

CHIPS = {"esp32": 4, "esp32s3": 8, "esp32c3": 4, "esp32c6": 16}
NAMES = {"esp32": "ESP32", "esp32s3": "ESP32-S3", "esp32c3": "ESP32-C3", "esp32c6": "ESP32-C6"}
# As much as MicroPython for the ESP32 has.
FIRMWARE_BYTES = 1_700_000


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, RigBoard]]:
    folder = tmp_path_factory.mktemp("rig")
    with rig(folder, {chip: (chip, flash_mb) for chip, flash_mb in CHIPS.items()}) as found:
        yield found


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bytes that compress about as well as code does."""
    chance = random.Random(4)
    words = [chance.randbytes(chance.randrange(2, 9)) for _ in range(6000)]
    data = b"".join(chance.choices(words, k=FIRMWARE_BYTES // 4))[:FIRMWARE_BYTES]
    path = tmp_path_factory.mktemp("payload") / "payload.bin"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("chip", CHIPS)
def test_flash_id_and_mac_are_read_through_the_registers(
    boards: dict[str, RigBoard], chip: str
) -> None:
    board = boards[chip]
    ran = board.esptool("flash-id")
    assert ran.status == 0, ran.said
    assert f"Connected to {NAMES[chip]} on" in ran.said
    assert f"Detected flash size: {CHIPS[chip]}MB" in ran.said
    assert "Stub flasher running" in ran.said
    ran = board.esptool("--no-stub", "read-mac")
    assert ran.status == 0, ran.said
    assert "02:cf:" in ran.said


@pytest.mark.parametrize(
    ("chip", "stub", "compress"),
    [
        ("esp32", True, "--compress"),
        ("esp32", True, "--no-compress"),
        ("esp32", False, "--compress"),
        ("esp32", False, "--no-compress"),
        ("esp32s3", True, "--compress"),
        ("esp32s3", False, "--no-compress"),
        ("esp32c3", True, "--no-compress"),
        ("esp32c3", False, "--compress"),
        ("esp32c6", True, "--compress"),
        ("esp32c6", False, "--no-compress"),
    ],
)
def test_what_is_written_is_in_the_flash_and_verifies(
    boards: dict[str, RigBoard], payload: Path, chip: str, stub: bool, compress: str
) -> None:
    board = boards[chip]
    part = payload.read_bytes()[:70_001]
    source = payload.with_name(f"{chip}-part.bin")
    source.write_bytes(part)
    mode = [] if stub else ["--no-stub"]
    ran = board.esptool(*mode, "write-flash", compress, "0x20000", str(source))
    assert ran.status == 0, ran.said
    assert "Hash of data verified" in ran.said
    with board.image.open("rb") as file:
        file.seek(0x20000)
        assert file.read(len(part)) == part


def test_a_firmware_of_full_size_is_written_verified_and_read_back(
    boards: dict[str, RigBoard], payload: Path, tmp_path: Path
) -> None:
    board = boards["esp32s3"]
    ran = board.esptool("--baud", "921600", "write-flash", "0x10000", str(payload))
    assert ran.status == 0 and "Hash of data verified" in ran.said, ran.said
    # Without a reset between: the chip fell back to its ROM, still in download mode.
    ran = board.esptool("verify-flash", "0x10000", str(payload), download=False)
    assert ran.status == 0 and "Verification successful" in ran.said, ran.said
    back = tmp_path / "back.bin"
    ran = board.esptool("read-flash", "0x10000", "400001", str(back))
    assert ran.status == 0, ran.said
    assert back.read_bytes() == payload.read_bytes()[:400_001]
    changed = tmp_path / "changed.bin"
    changed.write_bytes(payload.read_bytes()[:-1] + b"\0")
    assert board.esptool("verify-flash", "0x10000", str(changed)).status != 0


def test_the_rom_reads_flash_slowly_and_the_same(
    boards: dict[str, RigBoard], tmp_path: Path
) -> None:
    board = boards["esp32c3"]
    with board.image.open("r+b") as file:
        file.seek(0x30000)
        file.write(bytes(range(256)) * 5)
    back = tmp_path / "back.bin"
    ran = board.esptool("--no-stub", "read-flash", "0x30000", "1280", str(back))
    assert ran.status == 0, ran.said
    assert back.read_bytes() == bytes(range(256)) * 5


def test_a_region_and_then_all_is_erased(boards: dict[str, RigBoard]) -> None:
    board = boards["esp32"]
    with board.image.open("r+b") as file:
        file.write(bytes(0x10000))
    ran = board.esptool("erase-region", "0x2000", "0x3000")
    assert ran.status == 0, ran.said
    data = board.image.read_bytes()
    assert data[:0x10000] == bytes(0x2000) + b"\xff" * 0x3000 + bytes(0xB000)
    assert board.esptool("erase-region", "0x2001", "0x1000").status != 0
    ran = board.esptool("erase-flash")
    assert ran.status == 0, ran.said
    assert board.image.read_bytes().count(0xFF) == CHIPS["esp32"] << 20


def test_the_wrong_chip_is_named(boards: dict[str, RigBoard]) -> None:
    ran = boards["esp32c6"].esptool("--chip", "esp32s3", "flash-id")
    assert ran.status != 0
    assert "ESP32-C6, not ESP32-S3" in ran.said


def test_firmware_for_another_chip_is_refused(boards: dict[str, RigBoard], tmp_path: Path) -> None:
    firmware = tmp_path / "firmware.bin"
    firmware.write_bytes(make_firmware(find_model("esp32c3"), 4))
    ran = boards["esp32s3"].esptool("write-flash", "0x0", str(firmware))
    assert ran.status != 0
    assert "not an ESP32-S3 image" in ran.said or "Expected chip" in ran.said, ran.said


def test_more_than_the_flash_holds_is_refused(boards: dict[str, RigBoard], payload: Path) -> None:
    ran = boards["esp32"].esptool("write-flash", "0x3f0000", str(payload))
    assert ran.status != 0


def test_security_info_says_that_nothing_is_burnt(boards: dict[str, RigBoard]) -> None:
    ran = boards["esp32s3"].esptool("get-security-info")
    assert ran.status == 0, ran.said
    assert "Secure Boot: Disabled" in ran.said and "Flash Encryption: Disabled" in ran.said


@pytest.mark.parametrize("chip", MODELS)
def test_the_base_image_has_the_layout_of_a_real_one(chip: str, tmp_path: Path) -> None:
    model = find_model(chip)
    path = tmp_path / "app.bin"
    path.write_bytes(make_application(model, 8))
    ran = run("esptool", "--chip", chip, "image-info", str(path))
    assert ran.status == 0, ran.said
    for text in (f"Chip ID: {model.image_id}", "Segments: 2", "Flash size: 8MB", "micropython"):
        assert text in ran.said
    # Checksum, and the hash that is appended.
    assert ran.said.count("(valid)") == 2, ran.said
    firmware = make_firmware(model, 8)
    start = APP_AT - model.boot_loader_at
    assert firmware[start:] == path.read_bytes()
    path.write_bytes(firmware)
    assert "(valid)" in run("esptool", "--chip", chip, "image-info", str(path)).said


def test_power_lost_in_a_write_leaves_a_torn_image_that_does_not_boot(
    boards: dict[str, RigBoard], payload: Path, tmp_path: Path
) -> None:
    board = boards["esp32c3"]
    board.flash_firmware()
    content = payload.read_bytes()[:100_000]
    application = make_application(find_model("esp32c3"), 4, content=content)
    source = tmp_path / "app.bin"
    source.write_bytes(application)
    board.press("download")
    board.press("cut_after", bytes=4096 * 25 + 300)
    ran = board.esptool("write-flash", "0x10000", str(source), download=False)
    assert ran.status != 0, ran.said
    assert board.press("status")["state"] == "off"
    with board.image.open("rb") as file:
        file.seek(0x10000)
        torn = file.read(len(source.read_bytes()))
    assert torn != source.read_bytes()
    assert board.press("power_on")["state"] == "halted"
    # Written again it is whole.
    ran = board.esptool("write-flash", "0x10000", str(source))
    assert ran.status == 0, ran.said
    assert board.press("reset")["state"] == "running"


def test_the_hash_of_the_image_file_is_what_esptool_reads(
    boards: dict[str, RigBoard], tmp_path: Path
) -> None:
    board = boards["esp32"]
    board.flash_firmware()
    back = tmp_path / "back.bin"
    assert board.esptool("read-flash", "0", "0x20000", str(back)).status == 0
    digest = hashlib.sha256(board.image.read_bytes()[:0x20000]).digest()
    assert hashlib.sha256(back.read_bytes()).digest() == digest
