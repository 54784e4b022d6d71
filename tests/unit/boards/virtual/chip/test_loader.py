"""The loader without a line: order is a precondition, limits hold, garbage never breaks it."""

import hashlib
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.virtual.chip.flash import Flash
from boards.virtual.chip.loader import Baud, Event, Loader, Restart
from boards.virtual.chip.models import find_model
from boards.virtual.chip.packets import Opcode, checksum_of
from boards.virtual.chip.slip import SlipDecoder, encode
from boards.virtual.chip.spi import Registers

MODEL = find_model("esp32s3")
MAC = bytes.fromhex("02cf00000001")
SYNC = b"\x07\x07\x12\x20" + b"\x55" * 32
ATTACH = struct.pack("<II", 0, 0)


@pytest.fixture(scope="module")
def flash(tmp_path_factory: pytest.TempPathFactory) -> Flash:
    return Flash.open(tmp_path_factory.mktemp("flash") / "flash.img", 1 << 20)


@pytest.fixture
def loader(flash: Flash) -> Loader:
    return make(flash)


def make(flash: Flash) -> Loader:
    return Loader(MODEL, Registers(MODEL, MAC, flash), flash)


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def send(loader: Loader, opcode: int, data: bytes = b"", checksum: int = 0) -> list[Event]:
    packet = struct.pack("<BBHI", 0, opcode, len(data), checksum) + data
    return loader.receive(encode(packet))


def block(loader: Loader, opcode: int, number: int, data: bytes) -> list[Event]:
    body = words(len(data), number, 0, 0) + data
    return send(loader, opcode, body, checksum_of(data))


def answer(events: list[Event]) -> tuple[bytes, int, int]:
    """(data, status, error) of the first response."""
    assert isinstance(events[0], bytes)
    (packet,) = SlipDecoder(70000).feed(events[0])
    status_bytes = 4 if packet[-2:] == b"\0\0" and len(packet) >= 12 else 2
    ending = packet[-status_bytes:]
    return packet[8:-status_bytes], ending[0], ending[1]


def start_stub(loader: Loader) -> None:
    code = bytes(64)
    assert answer(send(loader, Opcode.MEM_BEGIN, words(64, 1, 64, MODEL.code_at)))[1] == 0
    assert answer(block(loader, Opcode.MEM_DATA, 0, code))[1] == 0
    events = send(loader, Opcode.MEM_END, words(0, MODEL.code_at))
    assert events[1] == encode(b"OHAI")


def test_a_sync_is_answered_eight_times(loader: Loader) -> None:
    assert len(send(loader, Opcode.SYNC, SYNC)) == 8
    assert answer(send(loader, Opcode.SYNC, SYNC[:-1]))[1:] == (1, 5)


def test_flash_needs_to_be_attached_and_begun(loader: Loader) -> None:
    begin = words(4096, 1, 4096, 0)
    assert answer(send(loader, Opcode.FLASH_BEGIN, begin))[1:] == (1, 6)
    assert answer(block(loader, Opcode.FLASH_DATA, 0, b"x"))[1:] == (1, 6)
    assert answer(send(loader, Opcode.SPI_ATTACH, ATTACH))[1] == 0
    assert answer(send(loader, Opcode.FLASH_BEGIN, begin))[1] == 0
    assert answer(block(loader, Opcode.FLASH_DATA, 1, b"x"))[1:] == (1, 5)
    assert answer(block(loader, Opcode.FLASH_DATA, 0, b"x"))[1] == 0
    assert answer(block(loader, Opcode.FLASH_DATA, 1, b"x"))[1:] == (1, 5)


def test_a_wrong_checksum_is_told_and_nothing_written(loader: Loader, flash: Flash) -> None:
    send(loader, Opcode.SPI_ATTACH, ATTACH)
    send(loader, Opcode.FLASH_BEGIN, words(4096, 1, 4096, 0))
    body = words(4, 0, 0, 0) + b"data"
    assert answer(send(loader, Opcode.FLASH_DATA, body, 0))[1:] == (1, 7)
    assert flash.read(0, 4) == b"\xff" * 4


def test_a_stream_that_inflates_to_more_than_was_said_is_refused(loader: Loader) -> None:
    send(loader, Opcode.SPI_ATTACH, ATTACH)
    bomb = zlib.compress(bytes(1 << 20))
    send(loader, Opcode.FLASH_DEFL_BEGIN, words(4096, 1, len(bomb), 0))
    assert answer(block(loader, Opcode.FLASH_DEFL_DATA, 0, bomb))[1:] == (1, 0x0B)
    send(loader, Opcode.FLASH_DEFL_BEGIN, words(4096, 1, 100, 0))
    assert answer(block(loader, Opcode.FLASH_DEFL_DATA, 0, b"no zlib"))[1:] == (1, 0x0B)


def test_rom_and_stub_answer_in_their_own_forms(loader: Loader, flash: Flash) -> None:
    flash.erase(0, 4096)
    digest = hashlib.md5(b"\xff" * 100, usedforsecurity=False)
    send(loader, Opcode.SPI_ATTACH, ATTACH)
    rom = send(loader, Opcode.SPI_FLASH_MD5, words(0, 100, 0, 0))
    assert answer(rom)[0] == digest.hexdigest().encode()
    assert answer(send(loader, Opcode.ERASE_FLASH))[1:] == (1, 5)
    start_stub(loader)
    stub = send(loader, Opcode.SPI_FLASH_MD5, words(0, 100, 0, 0))
    assert isinstance(stub[0], bytes)
    (packet,) = SlipDecoder(1000).feed(stub[0])
    assert packet[8:] == digest.digest() + b"\0\0"
    assert answer(send(loader, 0x7F))[1:] == (1, 0xFF)


def test_a_program_with_bytes_missing_or_outside_of_ram_does_not_start(loader: Loader) -> None:
    assert answer(send(loader, Opcode.MEM_BEGIN, words(64, 1, 64, 0x100)))[1] == 1
    assert answer(send(loader, Opcode.MEM_BEGIN, words(128, 2, 64, MODEL.code_at)))[1] == 0
    assert answer(block(loader, Opcode.MEM_DATA, 0, bytes(64)))[1] == 0
    assert answer(send(loader, Opcode.MEM_END, words(0, MODEL.code_at)))[1] == 1
    assert answer(block(loader, Opcode.MEM_DATA, 1, bytes(64)))[1] == 0
    assert answer(send(loader, Opcode.MEM_END, words(0, 4)))[1] == 1
    assert not loader.is_stub


def test_reading_waits_for_its_acknowledgements(loader: Loader, flash: Flash) -> None:
    start_stub(loader)
    flash.erase(0, 4096)
    flash.program(0, bytes(range(100)) * 5)
    events = send(loader, Opcode.READ_FLASH, words(0, 500, 100, 2))
    assert len(events) == 3  # the response, and two packets on their way
    assert loader.receive(encode(b"junk!")) == []
    assert loader.receive(encode(words(999))) == []
    sent = list(events[1:])
    for total in (100, 200, 300, 400, 500):
        sent += loader.receive(encode(words(total)))
    packets = [SlipDecoder(1000).feed(event)[0] for event in sent if isinstance(event, bytes)]
    assert b"".join(packets[:-1]) == bytes(range(100)) * 5
    assert packets[-1] == hashlib.md5(bytes(range(100)) * 5, usedforsecurity=False).digest()
    assert len(send(loader, Opcode.SYNC, SYNC)) == 8


def test_speed_changes_after_the_answer_and_the_end_leaves_the_loader(loader: Loader) -> None:
    events = send(loader, Opcode.CHANGE_BAUDRATE, words(921600, 0))
    assert events[1] == Baud(921600)
    assert answer(send(loader, Opcode.CHANGE_BAUDRATE, words(0, 0)))[1] == 1
    assert send(loader, Opcode.FLASH_END, words(0))[1] == Restart(to_flash=False)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=80)), max_size=20))
def test_no_command_whatever_it_says_breaks_the_loader(
    flash: Flash, commands: list[tuple[int, bytes]]
) -> None:
    for stub in (False, True):
        loader = make(flash)
        send(loader, Opcode.SPI_ATTACH, ATTACH)
        if stub:
            start_stub(loader)
        for opcode, data in commands:
            send(loader, opcode, data)
            block(loader, opcode, 0, data)


@given(st.binary(max_size=400))
def test_after_garbage_a_sync_is_answered(flash: Flash, garbage: bytes) -> None:
    loader = make(flash)
    loader.receive(garbage)
    events = send(loader, Opcode.SYNC, SYNC) + send(loader, Opcode.SYNC, SYNC)
    assert len(events) >= 8


def test_a_flash_chip_says_who_it_is_over_the_spi_registers(loader: Loader, tmp_path: Path) -> None:
    spi = MODEL.spi
    for register, value in (
        (spi.usr, 0x9000_0000),
        (spi.usr2, 7 << 28 | 0x9F),
        (spi.miso_bits, 23),
        (0, 1 << 18),
    ):
        data = words(spi.base + register, value, 0xFFFFFFFF, 0)
        assert answer(send(loader, Opcode.WRITE_REG, data))[1] == 0
    (event, *_) = send(loader, Opcode.READ_REG, words(spi.base + spi.data))
    assert isinstance(event, bytes)
    assert struct.unpack_from("<I", SlipDecoder(100).feed(event)[0], 4) == (0x1440C8,)
