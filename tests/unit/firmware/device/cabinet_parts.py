"""The parts of a control cabinet against their simulators, on the device."""

import asyncio
import json

import check
import machine

from firmware.core.errors import SensorError
from firmware.drivers.board import Board

with open("board.json") as file:
    DESCRIPTION = json.load(file)
plant = machine.plant()
board = Board(DESCRIPTION)


def fault(part: str, what: str | None) -> None:
    plant.put("sensor_fault", None if what is None else {"part": part, "fault": what})


@check.case
def every_part_has_a_driver_and_a_simulator() -> list:
    for name in DESCRIPTION["parts"]:
        assert board.part(name) is not None, name
        assert name in plant.parts, name
    return sorted(DESCRIPTION["parts"])


@check.case
async def a_contactor_obeys_its_coil_and_tells_what_it_does() -> None:
    feeder = board.part("feeder_1")
    check.equal((feeder.is_closed(), feeder.is_tripped()), (False, False))
    feeder.set(True)
    check.equal(feeder.is_closed(), False)
    await asyncio.sleep_ms(40)
    check.equal(feeder.is_closed(), True)
    plant.set_mains(False)
    check.equal(feeder.is_closed(), False)
    plant.set_mains(True)
    feeder.set(False)
    await asyncio.sleep_ms(40)
    check.equal(feeder.is_closed(), False)


@check.case
async def a_coil_is_held_and_let_go_only_by_its_driver() -> None:
    feeder = board.part("feeder_3")
    number = DESCRIPTION["parts"]["feeder_3"]["coil"]
    check.equal((feeder.is_on, number in plant.pads.held()), (None, False))
    feeder.set(True)
    check.equal(plant.pads.held()[number], 1)
    # Whoever does not know of the hold cannot move the contactor.
    machine.Pin(number, machine.Pin.OUT, value=0)
    machine.Pin(number).value(0)
    await asyncio.sleep_ms(40)
    check.equal(feeder.is_closed(), True)
    feeder.set(False)
    check.equal(plant.pads.held()[number], 0)
    machine.Pin(number, machine.Pin.OUT, value=0, hold=False)
    check.equal(number in plant.pads.held(), False)


@check.case
async def a_contactor_and_a_breaker_fail_in_their_own_ways() -> None:
    feeder = board.part("feeder_2")
    for what, on, closed, tripped in (
        ("welded", False, True, False),
        ("open", True, False, False),
        ("contact", True, False, False),
        ("tripped", True, True, True),
    ):
        feeder.set(on)
        await asyncio.sleep_ms(40)
        fault("feeder_2", what)
        check.equal((feeder.is_closed(), feeder.is_tripped()), (closed, tripped))
        fault("feeder_2", None)


@check.case
async def the_meter_sees_each_feeder_on_its_phase() -> None:
    meter = board.part("meter")
    for number in (1, 2, 3):
        board.part("feeder_%d" % number).set(number == 2)
    await asyncio.sleep_ms(40)
    reading = await meter.read()
    check.equal(reading.phase_mw, [0, 1500000, 0])
    check.equal(reading.power_mw, 1500000)
    check.near(reading.current_ma[1], 1500000 / 230 / 0.93, 300)
    fault("feeder_2", "tripped")
    check.equal((await meter.read()).power_mw, 0)
    fault("feeder_2", None)
    plant.supply._energy_wus = 1234.5 * 3.6e12
    check.near((await meter.read()).energy_wh, 1234500, 1)
    for what in ("silent", "crc", "exception"):
        fault("meter", what)
        await check.raises_async(SensorError, meter.read())
        fault("meter", None)
        await meter.read()


@check.case
def door_and_selector_are_read_and_a_broken_wire_is_an_open_door() -> None:
    door = board.part("door")
    selector = board.part("selector")
    check.equal((door.is_active(), selector.is_active()), (False, False))
    plant.hand["door"] = True
    plant.hand["hand_switch"] = True
    check.equal((door.is_active(), selector.is_active()), (True, True))
    plant.hand["door"] = plant.hand["hand_switch"] = None
    # The door's contact is closed, and the pin high, while the door is shut.
    check.equal(DESCRIPTION["parts"]["door"]["active"], 0)


check.run()
