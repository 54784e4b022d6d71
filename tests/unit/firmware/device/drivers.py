"""On the device: the drivers of streetlights and bins against the simulators of their parts."""

import asyncio

import check
import machine
from driver_bench import DESCRIPTION, board, fails, fault, of, plant

from firmware.core.errors import SensorError


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


check.run()
