"""RFC 2217: what a client negotiates, asks and sends; DTR and RTS choose the mode of the chip."""

import asyncio
import contextlib
import itertools
import struct
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.virtual.chip.base_image import make_firmware
from boards.virtual.chip.board import Board
from boards.virtual.chip.models import find_model
from boards.virtual.chip.rfc2217 import Baud, Data, Lines, Rfc2217
from boards.virtual.chip.rig import place_of, running
from boards.virtual.chip.slip import encode
from boards.virtual.launch import compile_device
from tests.unit.boards.virtual.chip.rig_runner import run

IAC, SB, SE, WILL, DO, WONT = 255, 250, 240, 251, 253, 252
DTR_ON, DTR_OFF, RTS_ON, RTS_OFF = 8, 9, 11, 12
SYNC = encode(struct.pack("<BBHI", 0, 8, 36, 0) + b"\x07\x07\x12\x20" + b"\x55" * 32)


def com_port(command: int, value: bytes) -> bytes:
    return bytes((IAC, SB, 44, command)) + value.replace(b"\xff", b"\xff\xff") + bytes((IAC, SE))


def test_options_are_agreed_once_and_others_refused() -> None:
    session = Rfc2217(115200)
    assert session.receive(bytes((IAC, WILL, 44, IAC, DO, 0, IAC, DO, 24))) == []
    assert session.take_reply() == bytes((IAC, DO, 44, IAC, WILL, 0, IAC, WONT, 24))
    assert session.receive(bytes((IAC, WILL, 44))) == [] and session.take_reply() == b""


def test_speed_and_lines_are_told_and_confirmed() -> None:
    session = Rfc2217(115200)
    rate = (921600).to_bytes(4, "big")
    assert session.receive(com_port(1, rate)) == [Baud(921600)]
    assert session.take_reply() == com_port(101, rate)
    assert session.receive(com_port(1, bytes(4))) == []
    assert session.take_reply() == com_port(101, rate)
    assert session.receive(com_port(5, bytes((DTR_ON,)))) == [Lines(True, False)]
    assert session.receive(com_port(5, bytes((RTS_ON,)))) == [Lines(True, True)]
    session.take_reply()
    session.receive(com_port(5, bytes((10,))))
    assert session.take_reply() == com_port(105, bytes((RTS_ON,)))


@given(st.binary(max_size=200), st.lists(st.integers(0, 400), max_size=6))
def test_bytes_come_through_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    session = Rfc2217(115200)
    wire = session.escape(data)
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    events = [
        event
        for start, end in itertools.pairwise(edges)
        for event in session.receive(wire[start:end])
    ]
    assert b"".join(event.data for event in events if isinstance(event, Data)) == data


@given(st.binary(max_size=300))
def test_no_client_breaks_a_session(noise: bytes) -> None:
    session = Rfc2217(115200)
    session.receive(noise)
    assert len(session.take_reply()) <= 20 * len(noise)


@contextlib.asynccontextmanager
async def networked(folder: Path) -> AsyncGenerator[tuple[Board, int]]:
    model = find_model("esp32")
    image = folder / "board.img"
    with image.open("wb") as file:
        file.write(b"\xff" * model.boot_loader_at + make_firmware(model, 4))
        file.write(b"\xff" * ((4 << 20) - file.tell()))
    entry = {"chip": "esp32", "flash_mb": 4, "image": "board.img", "rfc2217": 0}
    library = compile_device(folder / "device")
    async with running(place_of(entry, folder), library) as (board, port):
        yield board, int(port.rpartition(":")[2])


async def until(board: Board, state: str) -> None:
    async with asyncio.timeout(10):
        while board.state != state:  # noqa: ASYNC110 - looked at from outside, as people do
            await asyncio.sleep(0.01)


@pytest.mark.sockets
@pytest.mark.parametrize("apart_s", [0.0, 0.05])
def test_lines_that_change_one_by_one_choose_the_mode(tmp_path: Path, apart_s: float) -> None:
    """As esptool's classic reset, and as the same 50 ms apart through a slow network client."""

    async def story() -> None:
        async with networked(tmp_path) as (board, port):
            await until(board, "running")
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def lines(*values: int) -> None:
                for value in values:
                    writer.write(com_port(5, bytes((value,))))
                    await asyncio.sleep(apart_s)

            await lines(DTR_OFF, RTS_ON)
            await until(board, "held")
            await lines(DTR_ON, RTS_OFF)
            await asyncio.sleep(0.05)
            await lines(DTR_OFF)
            await until(board, "download")
            writer.write(SYNC)
            heard = b""
            async with asyncio.timeout(10):
                while heard.count(b"\xc0") < 16:
                    heard += await reader.read(4096)
            assert b"waiting for download" in heard
            # A hard reset: EN low and high again, IO0 left alone.
            await lines(RTS_ON)
            await until(board, "held")
            await lines(RTS_OFF)
            await until(board, "running")
            writer.close()

    asyncio.run(story())


@pytest.mark.sockets
def test_the_stock_tools_work_over_the_network(tmp_path: Path) -> None:
    """Slow: pyserial settles its port anew, 50 ms each time, whenever esptool sets a timeout."""

    async def story() -> None:
        async with networked(tmp_path) as (board, port):
            await until(board, "running")
            url = f"rfc2217://127.0.0.1:{port}"
            ran = await asyncio.to_thread(run, "esptool", "--port", url, "--no-stub", "read-mac")
            assert ran.status == 0, ran.said
            assert "02:cf:" in ran.said
            await until(board, "running")
            async with asyncio.timeout(10):
                while not board.is_up:  # noqa: ASYNC110 - looked at from outside, as people do
                    await asyncio.sleep(0.01)
            ran = await asyncio.to_thread(run, "mpremote", "connect", url, "eval", "6 * 7")
            assert ran.said.strip() == "42"

    asyncio.run(story())
