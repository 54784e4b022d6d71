"""The Modbus master on a simulated RS485 line, and the three-phase meter behind it."""

import asyncio
import random
import struct
import time

import check
import machine

from firmware.core.errors import SensorError
from firmware.drivers import modbus, sdm630
from firmware.drivers.board import Board

UART = {"baud": 9600, "tx": 17, "rx": 16, "direction": 4}
DESCRIPTION = {
    "buses": {"uart2": UART},
    "parts": {
        "meter": {"part": "sdm630", "bus": "uart2", "address": 1},
        "second": {"part": "sdm630", "bus": "uart2", "address": 2},
    },
}
plant = machine.plant()
board = Board(DESCRIPTION)
# The simulated slaves answer after 25 ms: a silent one need not be waited for so long.
modbus._ANSWER_MS = 60
master = board.modbus("uart2")


def fault(what: str | None, part: str = "meter") -> None:
    plant.hand["sensor_fault"] = None if what is None else {"part": part, "fault": what}


async def refusal(*request: int) -> tuple:
    error = await check.raises_async(modbus.ModbusError, master.read(*request))
    return (error.reason, error.code)


def volts(words: list[int]) -> float:
    return struct.unpack(">f", struct.pack(">HH", words[0], words[1]))[0]


@check.case
def the_checksum_is_that_of_the_standards_example() -> None:
    frame = b"\x01\x03\x00\x00\x00\x0a\xc5\xcd"
    check.equal(modbus.crc16(frame, 0, 6), 0xCDC5)
    check.equal(modbus.crc16(frame, 0, 8), 0)
    check.equal(modbus.crc16(b"xx" + frame, 2, 10), 0)


@check.case
async def registers_are_read() -> None:
    check.near(volts(await master.read(modbus.INPUT, 1, 0, 2)), 230, 8)
    words = await master.read(modbus.INPUT, 1, 0, 80)
    check.equal(len(words), 80)
    check.equal(machine.Pin(4).value(), 0)


@check.case
async def an_answer_takes_as_long_as_its_characters() -> int:
    began_ms = time.ticks_ms()
    await master.read(modbus.INPUT, 1, 0, 80)
    took_ms = time.ticks_diff(time.ticks_ms(), began_ms)
    # 8 characters down, 165 up, and the meter's own 25 ms.
    assert took_ms >= 173 * 10000 // 9600 + 25, took_ms
    return took_ms


@check.case
async def an_exception_is_named_with_its_code_and_not_tried_again() -> None:
    check.equal(await refusal(modbus.HOLDING, 1, 0, 2), ("refused", 1))
    check.equal(await refusal(modbus.INPUT, 1, 0x6B, 2), ("refused", 2))
    check.equal(await refusal(modbus.INPUT, 1, 0, 81), ("refused", 3))
    fault("exception")
    line = plant.uart(2, UART["baud"])
    asked = line.requests
    check.equal(await refusal(modbus.INPUT, 1, 0, 2), ("refused", 4))
    check.equal(line.requests - asked, 1)
    fault(None)


@check.case
async def a_sick_slave_is_told_from_a_silent_one() -> None:
    check.equal(await refusal(modbus.INPUT, 9, 0, 2), ("silent", 0))
    for what, reason in (("silent", "silent"), ("crc", "damaged"), ("cut", "damaged")):
        fault(what)
        check.equal(await refusal(modbus.INPUT, 1, 0, 2), (reason, 0))
        fault(None)
        await master.read(modbus.INPUT, 1, 0, 2)


@check.case
async def noise_and_echo_before_an_answer_do_no_harm() -> None:
    for what in ("garbage", "echo"):
        fault(what)
        check.near(volts(await master.read(modbus.INPUT, 1, 2, 2)), 230, 8)
    fault(None)


@check.case
async def an_answer_that_comes_too_late_is_not_taken_for_the_next_ones() -> None:
    fault("late")
    check.equal(await refusal(modbus.INPUT, 1, 0, 2), ("silent", 0))
    fault(None)
    await asyncio.sleep_ms(250)
    check.near(volts(await master.read(modbus.INPUT, 2, 0, 2)), 230, 8)


@check.case
async def two_parts_share_the_line_and_one_that_is_dead_does_not_stop_the_other() -> None:
    fault("silent", "second")
    both = await asyncio.gather(
        board.part("meter").read(), board.part("second").read(), return_exceptions=True
    )
    fault(None)
    check.near(both[0].voltage_mv[0], 230000, 8000)
    check.equal(type(both[1]), modbus.ModbusError)


@check.case
async def a_cancelled_reading_leaves_the_line_usable() -> None:
    for after_ms in (1, 6, 12, 25, 60):
        try:
            await asyncio.wait_for_ms(master.read(modbus.INPUT, 1, 0, 80), after_ms)
        except asyncio.TimeoutError:
            pass
        check.equal(machine.Pin(4).value(), 0)
        await master.read(modbus.INPUT, 1, 0, 2)


@check.case
async def a_transceiver_that_is_turned_wrongly_is_heard_by_nobody() -> None:
    uart = board.bus("uart2")
    # Never turned to sending, nothing leaves the board.
    never = modbus.Modbus(uart, 9600)
    check.equal(await reason_of(never), "silent")

    class Hasty:
        any = uart.any
        read = uart.read
        write = uart.write

        def flush(self) -> None:
            pass

    # Let go before the last character has left.
    hasty = modbus.Modbus(Hasty(), 9600, machine.Pin(4, machine.Pin.OUT, value=0))
    check.equal(await reason_of(hasty), "silent")

    class Slow(Hasty):
        def flush(self) -> None:
            time.sleep_ms(60)

    # Held on to until the answer is half gone.
    slow = modbus.Modbus(Slow(), 9600, machine.Pin(4, machine.Pin.OUT, value=0))
    check.equal(await reason_of(slow), "damaged")
    await master.read(modbus.INPUT, 1, 0, 2)


async def reason_of(wrong: object) -> str:
    error = await check.raises_async(modbus.ModbusError, wrong.read(modbus.INPUT, 1, 0, 20))
    return error.reason


@check.case
async def a_line_that_babbles_is_named() -> None:
    class Babble:
        def any(self) -> int:
            return 1

        def read(self) -> bytes:
            return b"\x55"

    error = await check.raises_async(
        modbus.ModbusError, modbus.Modbus(Babble(), 9600).read(modbus.INPUT, 1, 0, 1)
    )
    check.equal(error.reason, "busy")


@check.case
def answers_are_found_in_whatever_arrives_and_nothing_else_is() -> int:
    random.seed(7)
    found = 0
    for _ in range(150):
        count = random.randint(1, 12)
        body = bytes([5, 4, 2 * count] + [random.getrandbits(8) for _ in range(2 * count)])
        crc = modbus.crc16(body, 0, len(body))
        frame = body + bytes((crc & 0xFF, crc >> 8))
        noise = bytes([random.getrandbits(8) for _ in range(random.randint(0, 9))])
        wanted = [body[at] << 8 | body[at + 1] for at in range(3, len(body), 2)]
        check.equal(modbus.answer_in(noise + frame + noise, 5, 4, count), wanted)
        at = random.randint(0, len(frame) - 1)
        damaged = bytearray(frame)
        damaged[at] ^= 1 << random.getrandbits(3)
        check.equal(modbus.answer_in(bytes(damaged), 5, 4, count), None)
        check.equal(modbus.answer_in(frame[:at], 5, 4, count), None)
        check.equal(modbus.answer_in(frame, 6, 4, count), None)
        check.equal(modbus.answer_in(frame, 5, 4, count + 1), None)
        found += 1
    return found


@check.case
async def the_meter_gives_integers() -> None:
    reading = await board.part("meter").read()
    for phase in range(3):
        check.near(reading.voltage_mv[phase], 230000, 8000)
        check.equal((reading.current_ma[phase], reading.phase_mw[phase]), (0, 0))
    check.near(reading.frequency_mhz, 50000, 100)
    check.equal((reading.power_mw, reading.energy_wh), (0, 0))
    plant.hand["phase_2_v"] = 0
    check.equal((await board.part("meter").read()).voltage_mv[1], 0)
    plant.hand["phase_2_v"] = None


@check.case
def a_value_that_is_none_is_a_sensors_error() -> None:
    for value in (float("nan"), float("inf"), float("-inf"), 2e9):
        words = list(struct.unpack(">HH", struct.pack(">f", value)))
        check.raises(SensorError, sdm630._thousandths, words, 0)


check.run()
