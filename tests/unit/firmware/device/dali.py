"""DALI gear on its bus and the pulse meter in front of it, through their drivers, on the device."""

import asyncio
import json

import check
import machine
from peripherals.dali_gear import _backward_frame, _forward_frame

from firmware.drivers import dali_bus
from firmware.drivers.board import Board
from firmware.drivers.dali_bus import DaliError, byte_of, pulses_of
from firmware.drivers.lamp_dali import arc_power, percent_of

with open("board.json") as file:
    board = Board(json.load(file))
plant = machine.plant()
lamp = board.part("lamp")
gear = plant.parts["lamp"]


def fault(part: str, what: str | None) -> None:
    plant.put("sensor_fault", None if what is None else {"part": part, "fault": what})


async def settled() -> None:
    """Send what is owed."""
    for _ in range(50):
        await asyncio.sleep_ms(20)
        lamp.step()
        if not lamp._is_owed:
            return


@check.case
def every_frame_is_what_a_receiver_takes() -> int:
    for frame in list(range(0, 65536, 97)) + [0xFF00, 0xFFFF, 0x0000, 0xFE80]:
        pulses = pulses_of(frame)
        assert max(pulses) <= 32767 and len(pulses) <= 34
        check.equal(_forward_frame([length / 10 for length in pulses]), frame)
    return 680


@check.case
def every_answer_is_read_at_the_edges_of_its_tolerance() -> None:
    for byte in range(256):
        for half_us in (375, 416, 458):
            lengths = [int(length) for length in _backward_frame(byte, half_us)]
            check.equal(byte_of(lengths), byte)
            # The interpreter takes its share of each pulse.
            check.equal(byte_of([length - 60 for length in lengths]), byte)


@check.case
def no_answer_cut_short_or_torn_is_a_byte() -> None:
    for byte in (0x00, 0x55, 0xA5, 0xFF):
        lengths = [int(length) for length in _backward_frame(byte, 416)]
        for cut in range(len(lengths)):
            found = byte_of(lengths[:cut])
            # A frame that ends low is whole without the rest of the bus.
            assert found is None or (cut >= len(lengths) - 1 and found == byte), (byte, cut)
        for index in range(len(lengths)):
            for wrong in (50, 1300):
                torn = lengths[:index] + [wrong] + lengths[index + 1 :]
                check.equal(byte_of(torn), None)
    check.equal(byte_of([]), None)
    check.equal(byte_of([416] * 19), None)


@check.case
def the_dimming_curve_is_the_standard_one() -> None:
    check.equal([arc_power(p) for p in (0, 1, 5, 10, 50, 100)], [0, 85, 144, 170, 229, 254])
    check.equal([percent_of(level) for level in (1, 85, 144, 253)], [1, 1, 5, 96])


@check.case
async def a_level_reaches_the_gear_at_once() -> None:
    for percent in (100, 5, 50, 0, 37):
        gear.frames.clear()
        lamp.set(percent)
        await settled()
        check.equal(len(gear.frames), 1)
        check.near(gear.light_percent(), percent, percent * 0.02 + 0.01)
    check.equal(gear.violations, 0)


@check.case
async def the_gear_is_set_up_once_with_commands_sent_twice() -> None:
    found = await lamp.poll()
    check.equal(
        found, {"lamp_failure": False, "dimming_failure": False, "control_gear_failure": False}
    )
    check.equal(gear._kept["fade"] >> 4, 0)
    check.equal(gear.frames.count(0xFF2E), 2)
    gear.frames.clear()
    await settled()
    await lamp.poll()
    # What stands in its memory is not written again, and the bus heard nothing odd.
    check.equal([frame for frame in gear.frames if frame & 0xFFE0 == 0xFF20], [])
    check.equal(gear.violations, 0)


@check.case
async def a_configuration_that_came_once_or_late_is_none() -> None:
    gear._kept["power_on"] = 200
    bus = lamp._bus
    await bus.command(0xA300 | 17)
    await bus.command(0xFF2D)
    await asyncio.sleep_ms(120)
    await bus.command(0xFF2D)
    check.equal(gear._kept["power_on"], 200)
    await asyncio.sleep_ms(120)
    await bus.configure(0xFF2D)
    check.equal(gear._kept["power_on"], 17)
    gear._kept["power_on"] = 254


@check.case
async def a_silent_gear_is_told_and_set_up_anew_when_it_is_back() -> None:
    fault("lamp", "silent")
    error = await check.raises_async(DaliError, lamp.poll())
    check.equal(error.name, "control_gear_communication_failure")
    gear._kept["fade"] = 0x47
    fault("lamp", None)
    await lamp.poll()
    check.equal(gear._kept["fade"] >> 4, 0)


@check.case
async def torn_answers_and_collisions_are_no_values() -> None:
    for what in ("crc", "collision", "short"):
        fault("lamp", what)
        await check.raises_async(DaliError, lamp.poll())
        fault("lamp", None)
        await lamp.poll()


@check.case
async def one_torn_answer_is_asked_again() -> None:
    bus = lamp._bus

    async def mend() -> None:
        await asyncio.sleep_ms(5)
        fault("lamp", None)

    answers = []
    for _ in range(3):
        fault("lamp", "crc")
        asyncio.create_task(mend())
        answers.append(await bus.query(0xFF91))
    check.equal(answers, [255, 255, 255])


@check.case
async def a_torn_byte_of_memory_moves_no_other() -> None:
    gear._energy_wus = 36000000000000
    answer = gear._answer

    def torn(byte: int, end_us: int) -> None:
        # The third answer from now on is torn, once.
        gear.torn -= 1
        if gear.torn == 0:
            plant.hand["sensor_fault"] = {"part": "lamp", "fault": "crc"}
        answer(byte, end_us)
        plant.hand["sensor_fault"] = None

    gear.torn = 3
    gear._answer = torn
    check.near(await lamp._value(202, 4, 7, True), 10000, 2)
    assert gear.torn < 0
    gear._answer = answer


@check.case
async def a_broken_lamp_is_the_gears_word() -> None:
    lamp.set(100)
    await settled()
    plant.put("lamp", "broken")
    check.equal((await lamp.poll())["lamp_failure"], True)
    plant.put("lamp", None)
    check.equal((await lamp.poll())["lamp_failure"], False)


@check.case
async def a_gear_that_keeps_its_level_does_not_dim() -> None:
    lamp.set(100)
    await settled()
    fault("lamp", "stuck")
    lamp.set(30)
    await settled()
    check.equal((await lamp.poll())["dimming_failure"], True)
    fault("lamp", None)
    # The poll has owed it its level since.
    await settled()
    check.equal((await lamp.poll())["dimming_failure"], False)
    check.near(gear.light_percent(), 30, 0.6)


@check.case
async def a_gear_that_lost_its_power_gets_its_level_again() -> None:
    lamp.set(40)
    await settled()
    plant.set_mains(False)
    await check.raises_async(DaliError, lamp.poll())
    plant.set_mains(True)
    await asyncio.sleep_ms(650)
    check.near(gear.light_percent(), 100, 1)
    await lamp.poll()
    await settled()
    check.near(gear.light_percent(), 40, 0.8)


@check.case
async def memory_banks_tell_of_luminaire_energy_and_diagnostics() -> None:
    lamp.set(100)
    await settled()
    check.equal(await lamp.temperature_c(), 55)
    gear._energy_wus = 36000000000000
    gear._started_s -= 7200
    found = await lamp.memory()
    check.equal(found["luminaire_w"], 100)
    check.near(found["gear_energy_wh"], 10000, 2)
    check.equal(found["gear_h"], 2)
    assert found["gear_starts"] >= 1
    # What the gear lacks is no number: there is no bank 3.
    check.equal(await lamp._value(3, 4, 2, False), None)
    check.equal(gear.violations, 0)


@check.case
async def a_level_goes_out_between_two_questions() -> None:
    lamp.set(100)
    await settled()
    asyncio.create_task(lamp.memory())
    await asyncio.sleep_ms(100)
    gear.frames.clear()
    lamp.set(20)
    while abs(gear.light_percent() - 20) > 0.5:
        await asyncio.sleep_ms(10)
        lamp.step()
    # The frame that was on its way, and the next one that was ready to go.
    assert len(gear.frames) <= 3, gear.frames
    await asyncio.sleep_ms(1500)
    check.equal(gear.violations, 0)


@check.case
async def the_pulse_meter_measures_the_lamp() -> None:
    meter = board.part("meter")
    lamp.set(100)
    await settled()
    await meter.read()
    reading = await meter.read()
    check.near(reading.voltage_mv, 228000, 12000)
    check.near(reading.power_mw, 100000, 6000)
    check.near(reading.current_ma, 452, 45)
    check.equal(reading.frequency_mhz, None)
    before = reading.pulses
    await asyncio.sleep_ms(1000)
    # 100 W make some ten pulses a second, each is about 2.9 mWh.
    check.near((await meter.read()).pulses - before, 26, 12)
    check.near(meter.energy_mwh(1000), 2870, 20)
    lamp.set(0)
    await settled()
    await meter.read()
    await asyncio.sleep_ms(1500)
    assert (await meter.read()).power_mw < 12000
    fault("meter", "silent")
    silent = await meter.read()
    check.equal((silent.voltage_mv, silent.current_ma), (0, 0))
    fault("meter", None)
    check.near((await meter.read()).voltage_mv, 228000, 12000)
    check.equal(dali_bus.DaliError.name, "control_gear_communication_failure")


check.run()
