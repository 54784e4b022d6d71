"""What a meter says about a lamp, the self-test's verdict and the counters, on the device."""

import os
import time

import check

from firmware.drivers.meter_reading import Reading, pulses_since
from firmware.nodes.common import Faults
from firmware.nodes.streetlight import faults
from firmware.nodes.streetlight.meter import LampMeter
from firmware.nodes.streetlight.rules import expected_power_mw
from firmware.nodes.streetlight.self_test import STEPS, SelfTest
from firmware.nodes.streetlight.turn import TEST_FILE, Turn
from protocols.fields import STREETLIGHT

RATED_W = 100


def nothing(name: str) -> bool:
    return False


def everything(name: str) -> bool:
    return True


def named(found: dict) -> list:
    return sorted([name for name in found if found[name]])


def lamp(output: int, power_mw: int, has_relay: bool = False, stands: object = nothing) -> list:
    return named(faults.lamp_faults(output, RATED_W, power_mw, has_relay, stands))


@check.case
def a_healthy_lamp_has_no_fault_at_any_level() -> int:
    for output in range(101):
        expected_mw = expected_power_mw(output, RATED_W)
        for has_relay in (False, True):
            standby_mw = 0 if has_relay else 600
            for share in (85, 100, 115):
                power_mw = expected_mw * share // 100 if output else standby_mw
                check.equal(lamp(output, power_mw, has_relay), [])
                check.equal(lamp(output, power_mw, has_relay, everything), [])
    return 101


@check.case
def lamp_faults_are_told_apart() -> None:
    check.equal(lamp(100, 600), ["lamp_failure"])
    check.equal(lamp(40, 600), ["lamp_failure"])
    check.equal(lamp(5, 600), ["lamp_failure"])
    check.equal(lamp(100, 45000), ["power_too_low"])
    check.equal(lamp(100, 150000), ["power_too_high"])
    check.equal(lamp(40, 100000), ["dimming_failure"])
    check.equal(lamp(40, 70000), ["power_too_high"])
    check.equal(lamp(0, 98000), ["unexpected_on"])


@check.case
def a_relay_is_told_from_its_lamp() -> None:
    check.equal(lamp(100, 0, True), ["relay_failure"])
    check.equal(lamp(100, 600, True), ["lamp_failure"])
    check.equal(lamp(100, 0, False), ["lamp_failure"])
    check.equal(lamp(0, 98000, True), ["relay_failure", "unexpected_on"])


@check.case
def a_fault_at_its_limit_does_not_flutter() -> None:
    for output, name, power_mw in (
        (100, "power_too_low", 62000),
        (100, "power_too_high", 135000),
        (100, "lamp_failure", 8400),
        (40, "dimming_failure", 83000),
        (0, "unexpected_on", 4800),
    ):
        assert name not in lamp(output, power_mw), name
        assert name in lamp(output, power_mw, False, everything), name


@check.case
def the_supply_and_the_current_are_judged() -> None:
    def supply(voltage_mv: int, stands: object = nothing) -> list:
        return named(faults.supply_faults(voltage_mv, stands))

    check.equal(supply(190000), ["voltage_too_low"])
    check.equal(supply(228000), [])
    check.equal(supply(260000), ["voltage_too_high"])
    check.equal(supply(197000), [])
    check.equal(supply(197000, everything), ["voltage_too_low"])
    check.equal(supply(253000, everything), ["voltage_too_high"])

    def current(output: int, mva: int, factor: int) -> list:
        return named(faults.current_faults(output, RATED_W, mva, factor, nothing))

    check.equal(current(100, 103000, 97), [])
    check.equal(current(100, 170000, 97), ["current_too_high"])
    check.equal(current(100, 160000, 62), ["power_factor_too_low"])
    check.equal(current(100, 40000, 97), ["current_too_low"])
    check.equal(current(10, 25000, 58), [])
    check.equal(faults.factor_percent(faults.apparent_mva(228000, 460), 100000), 95)
    check.equal(faults.factor_percent(0, 0), None)
    check.equal([faults.is_hot(c, False) for c in (84, 86)], [False, True])
    check.equal([faults.is_hot(c, True) for c in (79, 81)], [False, True])
    check.equal([faults.is_leaning(deg, False) for deg in (15, 16)], [False, True])
    check.equal([faults.is_leaning(deg, True) for deg in (12, 13)], [False, True])


@check.case
def a_lamp_that_strikes_again_and_again_is_cycling() -> None:
    def diff(a: int, b: int) -> int:
        return a - b

    cycling = faults.Cycling()
    minute = 60000
    seen = []
    for at in range(0, 40, 2):
        seen.append(cycling.see(at * minute, diff, True, True))
        seen.append(cycling.see((at + 1) * minute, diff, False, True))
    check.equal(seen.index(True), 5)
    assert all(seen[5:])
    # It was changed, and half an hour later nothing is left of it.
    check.equal(cycling.see(50 * minute, diff, True, True), True)
    check.equal(cycling.see(90 * minute, diff, True, True), False)
    # Who switches a lamp off by order makes no cycle of it.
    obedient = faults.Cycling()
    for at in range(20):
        assert not obedient.see(at * minute, diff, at % 2 == 0, at % 2 == 0)


@check.case
def a_fault_must_be_seen_three_times_and_missed_three_times() -> None:
    events = []
    found = Faults(STREETLIGHT, lambda code, detail: events.append((code, detail["fault"])))
    for present in (True, True, False, True, True, True, False, True, False, False, False):
        found.see("lamp_failure", present)
    check.equal(events, [(10, "lamp_failure"), (11, "lamp_failure")])


@check.case
def the_energy_counter_wraps_and_starts_anew() -> None:
    check.equal(pulses_since(100, 160, 1000), 60)
    check.equal(pulses_since(0xFFFFF0, 0x10, 1000), 0x20)
    check.equal(pulses_since(5000, 40, 1000), 40)
    check.equal(pulses_since(5000, 4000000, 1000), 1000)
    check.equal(pulses_since(7, 7, 1000), 0)


class Line:
    """A meter's driver and the mains' detector, as the node sees them."""

    level_percent = output_percent = 100
    has_relay = True

    def __init__(self) -> None:
        self.reading = Reading(228000, 452, 100000, 0, 50000)
        self.present = True

    async def read(self) -> Reading:
        return self.reading

    def energy_mwh(self, pulses: int) -> int:
        return pulses * 2870 // 1000

    def is_present(self) -> bool:
        return self.present


@check.case
async def energy_is_not_rounded_away_pulse_by_pulse() -> None:
    line = Line()
    meter = LampMeter(line, line, RATED_W, Faults(STREETLIGHT, lambda code, detail: None))
    check.equal(meter.energy_mwh(16777000, 0), 0)
    total = 0
    for second in range(1, 100001):
        total += meter.energy_mwh((16777000 + 9 * second) % (1 << 24), second)
    # 900,000 pulses through a wrap, in steps of nine.
    check.near(total, 900000 * 2870 // 1000, 1)
    # After the part's own start it counts from there; an hour without a look is no error.
    check.equal(meter.energy_mwh(0, 100001), 0)
    check.near(meter.energy_mwh(36000, 103601), 103320, 1)


@check.case
async def a_meter_without_voltage_under_mains_is_dead() -> None:
    events = []
    found = Faults(STREETLIGHT, lambda code, detail: events.append((code, detail["fault"])))
    line = Line()
    meter = LampMeter(line, line, RATED_W, found)
    line.reading = Reading(0, 0, 0, 0, None)
    line.present = False
    for _ in range(5):
        assert await meter.read(line) is not None
    check.equal(events, [])
    line.present = True
    for _ in range(3):
        check.equal(await meter.read(line), None)
    check.equal(events, [(10, "meter_failure")])
    check.equal(meter.values["mains_voltage_v"], None)


def run_test(powers: list, least: int = 1) -> dict:
    """A whole self-test on a lamp that draws `powers` at the five steps."""
    test = SelfTest(0, lambda a, b: a - b)
    now_ms = 0
    levels = []
    while True:
        if not levels or levels[-1] != test.level_percent:
            levels.append(test.level_percent)
        now_ms += 1000
        assert now_ms < 60000
        if test.see(now_ms, powers[len(test.powers_mw)]):
            check.equal(levels, [100, 50, 5, 100, 0])
            return test.result(RATED_W, least)


@check.case
def a_self_test_reads_the_power_at_each_level() -> None:
    good = [100000, 52500, 9750, 100100, 0]
    result = run_test(good)
    check.equal(result["ok"], True)
    check.equal([result[step[0]] for step in STEPS], good)
    assert "fault" not in result


@check.case
def a_self_test_names_what_fails() -> None:
    for powers, fault in (
        ([600, 600, 600, 600, 0], "lamp_failure"),
        ([100000, 100000, 100000, 100000, 0], "dimming_failure"),
        ([100000, 52500, 52500, 100000, 0], "dimming_failure"),
        ([50000, 26000, 5000, 50000, 0], "power_too_low"),
        ([160000, 80000, 15000, 160000, 0], "power_too_high"),
        ([100000, 52500, 9750, 100000, 100000], "unexpected_on"),
        ([None, None, None, None, None], "meter_failure"),
        ([100000, 52500, None, 100000, 0], "meter_failure"),
    ):
        result = run_test(powers)
        check.equal((result["ok"], result.get("fault")), (False, fault))
    # A gear that cannot go lower is none that does not dim.
    check.equal(run_test([100000, 52500, 52500, 100000, 0], 50)["ok"], True)


class Chip:
    def __init__(self, cause: str, chance: int) -> None:
        self._cause = cause
        self._chance = chance

    def reset_cause(self) -> str:
        return self._cause

    def random_bits(self, bits: int) -> int:
        return self._chance & (1 << bits) - 1


@check.case
def reports_are_spread_and_alarms_are_not() -> None:
    config = {"spread_s": 60, "self_test_s": 86400}
    assert Turn(config, Chip("power_on", 0)).has_come()
    late = Turn(config, Chip("power_on", 1023))
    assert not late.has_come()
    late.take()
    assert late.has_come()
    late.mains_came()
    assert not late.has_come()
    late.mains_went()
    assert late.has_come()
    brief = Turn({"spread_s": 1, "self_test_s": 86400}, Chip("power_on", 511))
    began_ms = time.ticks_ms()
    while not brief.has_come():
        time.sleep_ms(5)
    # Half a second of the one second: 511 of 1023 shares.
    assert time.ticks_diff(time.ticks_ms(), began_ms) >= 490


@check.case
def a_test_follows_power_and_commissioning_only() -> None:
    config = {"spread_s": 0, "self_test_s": 0}
    for path in ("state",):
        try:
            os.mkdir(path)
        except OSError:
            pass
    new = Turn(config, Chip("watchdog", 0))
    check.equal(new.go_on(True, 0), None)
    check.equal(new.level_percent, 100)
    with open(TEST_FILE, "wb") as file:
        file.write(b"done")
    old = Turn(config, Chip("watchdog", 0))
    old.go_on(True, 0)
    check.equal((old.is_testing, old.level_percent), (False, None))
    again = Turn(config, Chip("power_on", 0))
    again.go_on(False, 0)
    assert not again.is_testing
    again.go_on(True, 0)
    assert again.is_testing
    # The mains goes in the middle: the lamp follows its plan, and the next return tests anew.
    again.mains_went()
    check.equal((again.is_testing, again.level_percent), (False, None))
    again.go_on(True, 0)
    assert not again.is_testing
    again.mains_came()
    again.go_on(True, 0)
    assert again.is_testing
    again.drop()
    check.equal(again.level_percent, None)
    again.go_on(True, 0)
    assert again.is_testing
    os.remove(TEST_FILE)


check.run()
