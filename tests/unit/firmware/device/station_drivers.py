"""On the device: the drivers of greenhouses and gauges against the simulators of their parts."""

import asyncio

import check
import machine
from driver_bench import DESCRIPTION, board, fails, fault, of, plant

from firmware.core.errors import SensorError
from firmware.drivers import modbus

# The simulated slaves answer after 40 ms: a silent one need not be waited for so long.
modbus._ANSWER_MS = 80


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
async def an_older_air_sensor_is_measured_too() -> None:
    settings = {"part": "sht3x", "bus": "i2c0", "address": 0x45}
    from peripherals import make_part

    plant.parts["old_air"] = plant.i2c(0).devices[0x45] = make_part(plant, "old_air", settings)
    from firmware.drivers.sht3x import Driver

    air = await Driver(board, settings).read()
    check.near(air[0], 23000, 200)
    check.near(air[1], 60000, 600)
    await fails("old_air", Driver(board, settings), "silent", "crc")
    del plant.parts["old_air"]
    del plant.i2c(0).devices[0x45]


@of("greenhouse")
async def air_is_measured_from_frost_to_steam() -> None:
    sensor = board.part("air")
    for celsius in (-20, 0, 45):
        plant.hand["air_c"] = celsius
        check.near((await sensor.read())[0], celsius * 1000, 200)
    plant.hand["air_c"] = None
    # Asked too early, the part holds its acknowledge back.
    bus = machine.I2C(0, scl=machine.Pin(22), sda=machine.Pin(21))
    bus.writeto(0x44, b"\xfd")
    check.raises(OSError, bus.readfrom, 0x44, 6)
    await asyncio.sleep_ms(12)
    check.equal(len(bus.readfrom(0x44, 6)), 6)


@of("greenhouse")
async def the_soil_is_measured_over_modbus() -> None:
    sensor = board.part("soil")
    for percent in (5, 30, 50):
        plant.put("soil_moisture", percent)
        plant.put("air_c", -40)
        soil = await sensor.read()
        check.near(soil[0], percent * 10, 4)
        check.near(soil[1], 27, 3)
        check.near(soil[2], 38000 // (10 + percent), 30)
    plant.put("soil_moisture", None)
    plant.put("air_c", None)
    await fails("soil", sensor, "silent", "crc", "exception", "cut")
    fault("soil", "echo")
    await sensor.read()
    fault("soil", None)


@of("greenhouse")
async def frost_in_the_soil_is_below_zero() -> None:
    sensor = board.part("soil")
    plant.glasshouse.soil_c = lambda: -10.1
    check.near((await sensor.read())[1], -101, 3)
    del plant.glasshouse.soil_c


@of("greenhouse")
async def a_broken_wire_of_the_vent_is_told() -> None:
    sensor = board.part("vent")
    check.equal(await sensor.read(), 0)
    fault("vent", "silent")
    await check.raises_async(SensorError, sensor.read())
    fault("vent", None)


@of("greenhouse")
def relays_are_off_at_first_and_follow() -> None:
    for name in ("irrigation", "fan", "lamp"):
        relay = board.part(name)
        check.equal(plant.parts[name].on, False)
        relay.set(True)
        check.equal(plant.parts[name].on, True)
        relay.set(False)
        check.equal(plant.parts[name].on, False)


@of("greenhouse")
async def a_vent_runs_its_way_and_never_both() -> None:
    motor = board.part("vent_motor")
    sensor = board.part("vent")
    settings = DESCRIPTION["parts"]["vent_motor"]
    pins = [machine.Pin(settings[key]) for key in ("open", "close")]
    city = plant.city
    city._speed = 0  # the city's time stands, but for what is added here
    now_s = 1000

    async def run(opened: bool, seconds: int) -> list:
        nonlocal now_s
        seen = []
        for _ in range(seconds):
            now_s += 1
            city._city_us += 1000000
            motor.keep(opened, now_s)
            ways = tuple(pin.value() for pin in pins)
            assert ways != (1, 1)
            if not seen or seen[-1] != ways:
                seen.append(ways)
        return seen

    check.equal(await run(True, 70), [(0, 0), (1, 0), (0, 0)])
    check.equal(motor.is_moving, False)
    check.equal(await sensor.read(), 100)
    check.equal(await run(False, 20), [(0, 0), (0, 1)])
    check.near(await sensor.read(), 70, 4)
    # Turned in the middle of its way it rests first.
    check.equal(await run(True, 70), [(0, 0), (1, 0), (0, 0)])
    check.equal(await sensor.read(), 100)
    check.equal(await run(True, 5), [(0, 0)])


@of("reservoir")
async def the_loop_gives_the_level() -> None:
    from firmware.drivers.ads1115_loop import LoopError

    sensor = board.part("level")
    for level_m in (0.5, 5.0, 9.5):
        plant.hand["level_m"] = level_m
        check.near(sensor.level_mm(await sensor.read()), level_m * 1000, 5)
    for what, current_ua in (("open", 0), ("short", 22000)):
        fault("level", what)
        error = await check.raises_async(LoopError, sensor.read())
        check.near(error.current_ua, current_ua, 5)
        check.equal(sensor.current_ua, error.current_ua)
    fault("level", "silent")
    await check.raises_async(SensorError, sensor.read())
    fault("level", None)
    await sensor.read()


@of("reservoir")
async def the_loops_limits_are_those_of_its_standard() -> None:
    # NAMUR NE 43: below 3.6 and above 21 mA nothing is measured any more.
    from firmware.drivers.ads1115_loop import LoopError

    sensor = board.part("level")
    part = plant.parts["level"]
    own = part._loop_ua
    for current_ua, is_fault in ((3590, True), (3610, False), (20990, False), (21010, True)):
        part._loop_ua = lambda flows=current_ua: flows
        if is_fault:
            await check.raises_async(LoopError, sensor.read())
        else:
            check.near(await sensor.read(), current_ua, 2)
    part._loop_ua = own
    sensor.place({"level_low_mm": 100000, "level_high_mm": 116000})
    check.equal(sensor.level_mm(4000), 100000)
    check.equal(sensor.level_mm(20000), 116000)


@of("reservoir")
async def a_radar_gives_the_level() -> None:
    sensor = board.part("level_backup")
    for level_m in (0.5, 5.0, 9.5):
        plant.put("level_m", level_m)
        check.near(sensor.level_mm(await sensor.read()), level_m * 1000, 5)
    plant.put("level_m", 11.99)  # in its blind zone: no echo
    await check.raises_async(SensorError, sensor.read())
    plant.put("level_m", None)
    await fails("level_backup", sensor, "silent", "crc", "exception", "cut", "echo_lost")
    sensor.place({"radar_mount_mm": 20000})
    check.near(sensor.level_mm(await sensor.read()), 13000, 5)


@of("reservoir")
async def a_radar_without_a_health_register_is_read_too() -> None:
    from peripherals.radar_modbus import Radar

    from firmware.drivers.radar_modbus import Driver

    settings = dict(DESCRIPTION["parts"]["level_backup"])
    settings.update({"address": 9, "function": 4, "health": 0, "register": 1, "unit_um": 100})
    settings["mount_mm"] = 6000
    other = Radar(plant, "other", settings)
    plant._uarts[2].add(other)
    sensor = Driver(board, settings)
    check.near(sensor.level_mm(await sensor.read()), 5000, 5)
    await fails("other", sensor, "echo_lost", "crc")


@of("reservoir")
async def sensors_drift_apart() -> None:
    loop = board.part("level")
    radar = board.part("level_backup")
    plant.put("sensor_fault", {"part": "level_backup", "fault": "drift"})
    plant.fault_from_s -= 3 * 3600
    apart = loop.level_mm(await loop.read()) - radar.level_mm(await radar.read())
    check.near(apart, 420, 20)  # 2 % of 7 m an hour
    plant.put("sensor_fault", None)


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


check.run()
