"""Every driver against the simulator of its part, on the device.

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


@of("streetlight")
async def the_meter_measures_the_lamp() -> None:
    lamp = board.part("lamp")
    meter = board.part("meter")
    lamp.set(100)
    reading = await meter.read()
    check.near(reading.power_mw, 100000, 1500)
    check.near(reading.voltage_mv, 228000, 9000)
    check.near(reading.current_ma, reading.power_mw * 1000 // reading.voltage_mv, 40)
    check.near(reading.frequency_mhz, 50000, 200)
    lamp.set(40)
    await asyncio.sleep_ms(900)
    check.near((await meter.read()).power_mw, 43000, 1500)
    lamp.set(0)
    await asyncio.sleep_ms(900)
    check.equal((await meter.read()).power_mw, 0)


@of("streetlight")
async def the_meter_repeats_within_its_refresh() -> None:
    meter = board.part("meter")
    board.part("lamp").set(100)
    await asyncio.sleep_ms(900)
    first = await meter.read()
    second = await meter.read()
    check.equal((first.voltage_mv, first.power_mw), (second.voltage_mv, second.power_mw))


@of("streetlight")
async def the_meters_energy_is_the_lamps() -> None:
    meter = board.part("meter")
    lamp = board.part("lamp")
    lamp.set(100)
    lamp_part = plant.parts["lamp"]
    await asyncio.sleep_ms(900)
    before = (await meter.read()).pulses
    lamp_part._energy_wus += 3600 * 1000000 * 1000
    await asyncio.sleep_ms(900)
    after = (await meter.read()).pulses
    check.near(meter.energy_mwh(after - before), 1000000, 1500)


@of("streetlight")
async def the_meters_counter_wraps_at_24_bits() -> None:
    meter = board.part("meter")
    plant.parts["meter"].settings["cf"] = (1 << 24) + 5
    await asyncio.sleep_ms(900)
    assert (await meter.read()).pulses < 1 << 23
    plant.parts["meter"].settings["cf"] = 0


@of("streetlight")
async def a_sick_meter_is_an_error() -> None:
    await fails("meter", board.part("meter"), "silent", "crc", "garbage")


@of("streetlight")
async def a_late_answer_is_not_taken_for_the_next() -> None:
    meter = board.part("meter")
    board.bus("uart2").write(b"\x58\xaa")
    await asyncio.sleep_ms(120)
    assert board.bus("uart2").any() == 23
    await meter.read()
    check.equal(board.bus("uart2").any(), 0)


@of("streetlight")
def the_mains_is_seen_and_its_edges_are_heard() -> None:
    mains = board.part("mains")
    edges = []
    mains.watch(lambda: edges.append(mains.is_present()))
    plant.set_mains(False)
    plant.set_mains(False)
    plant.set_mains(True)
    check.equal(edges, [False, True])


@of("streetlight")
def the_relay_is_open_at_level_zero_and_at_first() -> None:
    lamp = board.part("lamp")
    relay = machine.Pin(DESCRIPTION["parts"]["lamp"]["relay"])
    check.equal(relay.value(), 0)
    lamp.set(1)
    check.equal(relay.value(), 1)
    lamp.set(0)
    check.equal(relay.value(), 0)


@of("streetlight")
async def temperature_follows_the_lamp_and_a_broken_wire_is_told() -> None:
    sensor = board.part("driver_temperature")
    lamp = board.part("lamp")
    lamp.set(0)
    cold = await sensor.read()
    lamp.set(100)
    check.near(await sensor.read() - cold, 18, 2)
    fault("driver_temperature", "silent")
    await check.raises_async(SensorError, sensor.read())
    fault("driver_temperature", None)


@of("streetlight")
async def daylight_follows_the_sun() -> None:
    sensor = board.part("photocell")
    lux = await sensor.read()
    true_lx = min(54612, plant.city.illuminance_lx())
    check.near(lux, true_lx, true_lx * 0.06 + 2)
    await fails("photocell", sensor, "silent")


@of("streetlight")
async def a_leaning_pole_is_measured() -> None:
    sensor = board.part("tilt")
    check.near(await sensor.read(), 1.5, 1.5)
    for lean in (20, 90, 150):
        plant.hand["tilt"] = lean
        check.near(await sensor.read(), lean, 1.5)
    plant.hand["tilt"] = None
    await fails("tilt", sensor, "silent")


@of("smart_bin")
async def the_distance_is_that_of_the_fill() -> None:
    sensor = board.part("fill")
    for fill, near_mm in ((0, 1280), (50, 780), (100, 280)):
        plant.hand["fill"] = fill
        readings = []
        for _ in range(5):
            readings.append(await sensor.read())
        check.near(sorted(readings)[2], near_mm, 10)
    await fails("fill", sensor, "silent", "crc")


@of("smart_bin")
async def a_laser_measures_the_same() -> None:
    settings = {"part": "vl53l1x", "bus": "i2c0", "address": 0x29, "depth_mm": 700, "gap_mm": 60}
    from peripherals.vl53l1x import Vl53l1x

    from firmware.drivers.vl53l1x import Driver

    plant.parts["laser"] = plant.i2c(0).devices[0x29] = Vl53l1x(plant, "laser", settings)
    sensor = Driver(board, settings)
    for fill, near_mm in ((0, 760), (50, 410), (100, 60)):
        plant.hand["fill"] = fill
        readings = []
        for _ in range(5):
            readings.append(await sensor.read())
        check.near(sorted(readings)[2], near_mm, 8)
    await fails("laser", sensor, "silent", "crc", "open")
    fault("laser", "blocked")
    assert await sensor.read() <= sensor.blind_mm
    fault("laser", None)
    # Settings are lost with the power, and written again after it.
    plant.i2c(0).devices[0x29] = Vl53l1x(plant, "laser", settings)
    await check.raises_async(SensorError, sensor.read())
    await sensor.read()
    plant.i2c(0).devices[0x29]._memory[0x10F] = 0xEB
    sensor._ready = False
    assert "not a vl53l1x" in str(await check.raises_async(SensorError, sensor.read()))
    plant.i2c(0).devices.pop(0x29)
    plant.parts.pop("laser")


@of("smart_bin")
async def a_blind_or_covered_sonar_gives_the_edge_of_its_zone() -> None:
    sensor = board.part("fill")
    fault("fill", "blocked")
    check.equal(await sensor.read(), sensor.blind_mm)
    fault("fill", None)


@of("smart_bin")
async def a_lean_raises_the_wake_pin_after_ten_seconds() -> None:
    plant.city.speed = 100
    sensor = board.part("tilt")
    pin = machine.Pin(DESCRIPTION["parts"]["tilt"]["wake"])
    plant.hand["tilt"] = 80
    check.equal((pin.value(), plant.parts["tilt"].wakes()), (0, []))
    await sensor.read()
    check.equal(pin.value(), 0)
    await asyncio.sleep_ms(150)
    check.equal(pin.value(), 1)
    what, above, after_ms = plant.parts["tilt"].wakes()[0]
    check.equal((what, after_ms), ("tilt", 10000))
    check.near(above, 45, 1)
    plant.hand["tilt"] = None
    plant.parts["tilt"].on_hand()
    check.equal(pin.value(), 0)
    plant.city.speed = 1


@of("smart_bin")
async def a_heat_contact_closes_in_a_fire() -> None:
    contact = board.part("heat_contact")
    check.equal(await contact.read(), False)
    plant.hand["fire"] = True
    plant.parts["heat_contact"].on_hand()
    check.equal(await contact.read(), True)
    check.equal(plant.parts["heat_contact"].wakes(), [["fire", 0, 0]])
    plant.hand["fire"] = None
    plant.parts["heat_contact"].on_hand()


@of("smart_bin")
def only_pins_of_the_rtc_domain_are_armed() -> None:
    import esp32

    esp32.wake_on_ext1([machine.Pin(33)], esp32.WAKEUP_ANY_HIGH)
    check.equal(plant.armed, {3: [33]})
    check.raises(ValueError, esp32.wake_on_ext1, [machine.Pin(18)], esp32.WAKEUP_ANY_HIGH)
    esp32.wake_on_ext1(None, esp32.WAKEUP_ANY_HIGH)
    check.equal(plant.armed, {3: []})


@of("smart_bin")
async def a_battery_is_measured_through_its_divider() -> None:
    sensor = board.part("battery")
    plant.hand["battery"] = 3.2
    check.near(await sensor.read(), 3200, 5)
    plant.hand["battery"] = 3.9
    check.near(await sensor.read(), 3900, 5)


@of("smart_bin")
async def a_fire_is_hot() -> None:
    sensor = board.part("temperature")
    check.near(await sensor.read(), 23, 8)
    plant.hand["fire"] = True
    assert await sensor.read() > 100
    plant.hand["fire"] = None


@of("greenhouse")
async def air_is_measured() -> None:
    sensor = board.part("air")
    air = await sensor.read()
    check.near(air[0], 23000, 200)
    check.near(air[1], 60000, 600)
    await fails("air", sensor, "silent", "crc")


@of("greenhouse")
async def a_part_that_holds_the_bus_is_clocked_out_of_it() -> None:
    air, light = board.part("air"), board.part("light")
    fault("air", "bus")
    # Nobody on the bus can speak: whoever tries first frees it for all.
    await check.raises_async(SensorError, light.read())
    await air.read()
    await light.read()
    fault("air", None)


@of("greenhouse")
async def a_sensor_that_ages_drifts_and_a_loose_one_jumps() -> None:
    sensor = board.part("air")
    fault("air", "drift")
    plant.fault_from_s -= 10 * 3600
    # 2 % an hour of 23 degrees.
    check.near((await sensor.read())[0], 27600, 200)
    fault("air", "noise")
    readings = []
    for _ in range(12):
        readings.append((await sensor.read())[0])
    assert max(readings) - min(readings) > 300, readings
    fault("air", None)


@of("greenhouse")
async def co2_comes_each_five_seconds() -> None:
    sensor = board.part("co2")
    check.equal(await sensor.read(), None)
    await asyncio.sleep_ms(5100)
    check.near(await sensor.read(), 420, 50)
    check.equal(await sensor.read(), None)
    fault("co2", "silent")
    await check.raises_async(SensorError, sensor.read())
    fault("co2", "crc")
    await check.raises_async(SensorError, sensor.read())
    fault("co2", None)


@of("greenhouse")
async def a_leaf_is_measured_from_afar() -> None:
    sensor = board.part("leaf")
    check.near(await sensor.read(), 21600, 300)
    await fails("leaf", sensor, "silent", "crc")


@of("greenhouse")
async def a_vent_tells_its_opening() -> None:
    check.equal(await board.part("vent").read(), 0)


@of("reservoir")
async def the_loop_gives_the_level() -> None:
    from firmware.drivers.ads1115_loop import LoopError, height_mm

    sensor = board.part("level")
    for level_m in (0.5, 5.0, 9.5):
        plant.hand["level_m"] = level_m
        check.near(height_mm(await sensor.read(), 0, 10000), level_m * 1000, 5)
    for what, current_ua in (("open", 0), ("short", 22000)):
        fault("level", what)
        error = await check.raises_async(LoopError, sensor.read())
        check.near(error.current_ua, current_ua, 5)
    fault("level", "silent")
    await check.raises_async(SensorError, sensor.read())
    fault("level", None)
    await sensor.read()


@of("reservoir")
async def tips_are_counted_and_bounces_are_not() -> None:
    bucket = board.part("rain")
    pin = plant.pin(DESCRIPTION["parts"]["rain"]["pulse"])
    before = bucket.tips
    for _ in range(3):
        for level in (0, 1, 0, 1):
            pin.feed(level)
        await asyncio.sleep_ms(30)
    check.equal(bucket.tips - before, 3)
    check.equal(bucket.rain_um(), bucket.tips * 200)


@check.case
def nobody_answers_at_another_address() -> None:
    i2c = machine.I2C(0, scl=machine.Pin(22), sda=machine.Pin(21))
    check.raises(OSError, i2c.readfrom, 0x11, 1)
    wired = [part["address"] for part in DESCRIPTION["parts"].values() if "address" in part]
    check.equal(sorted(i2c.scan()), sorted(wired))


check.run()
