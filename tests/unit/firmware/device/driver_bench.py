"""On the device: the board that drivers are tried on, and what holds for every kind.

The board is built from the board.json in the working folder; the program is told its kind
and runs the cases of that kind's parts.
"""

import asyncio
import json
import sys

import check
import machine

from firmware.core.errors import ConfigError, SensorError
from firmware.drivers.board import Board

KIND = sys.argv[1]
with open("board.json") as file:
    DESCRIPTION = json.load(file)
plant = machine.plant()
board = Board(DESCRIPTION)


def of(kind: str) -> object:
    """Register a case only for the kind that carries the part."""
    return check.case if kind == KIND else lambda function: function


def fault(part: str, what: str | None) -> None:
    plant.put("sensor_fault", None if what is None else {"part": part, "fault": what})


async def fails(part: str, sensor: object, *faults: str) -> None:
    """Each fault is a SensorError, and the part recovers after it."""
    for what in faults:
        fault(part, what)
        await check.raises_async(SensorError, sensor.read())
        fault(part, None)
        await asyncio.sleep_ms(100)
        await sensor.read()


@check.case
def every_part_has_a_driver_and_a_simulator() -> list:
    for name in DESCRIPTION["parts"]:
        assert board.part(name) is not None, name
        assert name in plant.parts, name
    check.equal(board.part("nothing"), None)
    return sorted(DESCRIPTION["parts"])


@check.case
def an_unknown_part_is_named() -> None:
    strange = Board({"parts": {"x": {"part": "flux_capacitor"}}})
    error = check.raises(ConfigError, strange.part, "x")
    assert "flux_capacitor" in str(error)


@check.case
def nobody_answers_at_another_address() -> None:
    i2c = machine.I2C(0, scl=machine.Pin(22), sda=machine.Pin(21))
    check.raises(OSError, i2c.readfrom, 0x11, 1)
    parts = DESCRIPTION["parts"].values()
    wired = [part["address"] for part in parts if part.get("bus") == "i2c0" and "address" in part]
    check.equal(sorted(i2c.scan()), sorted(wired))
