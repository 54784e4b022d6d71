"""A lamp's level over a year of evenings, and the judgement of its meter, on the device."""

import check

from firmware.drivers.bl0942 import pulses_since
from firmware.nodes import lamp_rules
from firmware.nodes.lamp_rules import LevelPlan
from protocols import sun
from protocols.schedule import DEFAULT_CALENDAR

LATITUDE, LONGITUDE = 13983000, 108000000
CALENDAR = {
    "programs": [
        [[1, 0, 100, 0], [0, 1380, 40, 0], [2, 0, 0, 0]],
        [[1, -30, 80, 600], [2, 30, 0, 0]],
    ],
    # The second program on Saturdays, the first else.
    "rules": [[1, 0x20, None, None], [0, 0x7F, None, None]],
    "utc_offset_min": 420,
}


def plan_of(calendar: dict, override: dict | None = None) -> LevelPlan:
    plan = LevelPlan(LATITUDE, LONGITUDE)
    plan.follow(calendar, override)
    return plan


@check.case
def every_evening_of_a_year_switches_at_sunset_and_sunrise() -> int:
    plan = plan_of(DEFAULT_CALENDAR)
    first_day = 9497  # 2026-01-01
    for day in range(first_day, first_day + 366):
        rise_s, set_s = sun.rise_set(day, LATITUDE, LONGITUDE)
        levels = [plan.level_percent(at) for at in (rise_s - 1, rise_s, set_s - 1, set_s)]
        check.equal(levels, [100, 0, 0, 100])
    return 366


@check.case
def the_level_does_not_depend_on_what_was_asked_before() -> None:
    followed = plan_of(CALENDAR)
    start_s = 946684800 + 9700 * 86400
    for at_s in range(start_s, start_s + 20 * 86400, 1777):
        check.equal(followed.level_percent(at_s), plan_of(CALENDAR).level_percent(at_s))


@check.case
def a_saturday_follows_its_own_program() -> None:
    plan = plan_of(CALENDAR)
    # 2026-11-21 is a Saturday; 23:30 local is 16:30 UTC.
    saturday = 946684800 + 9821 * 86400 + 16 * 3600 + 1800
    check.equal(plan.level_percent(saturday), 80)
    check.equal(plan.level_percent(saturday + 86400), 40)
    check.equal(plan.level_percent(saturday - 86400), 40)


@check.case
def an_override_holds_between_its_times_only() -> None:
    override = {"level": 5, "from_s": 1795188000, "until_s": 1795191600}
    plan = plan_of(CALENDAR, override)
    base = plan_of(CALENDAR)
    for at_s, is_over in (
        (1795187999, False),
        (1795188000, True),
        (1795191599, True),
        (1795191600, False),
    ):
        check.equal(plan.level_percent(at_s), 5 if is_over else base.level_percent(at_s))


@check.case
def the_energy_counter_wraps_and_starts_anew() -> None:
    check.equal(pulses_since(100, 160, 1000), 60)
    check.equal(pulses_since(0xFFFFF0, 0x10, 1000), 0x20)
    check.equal(pulses_since(5000, 40, 1000), 40)
    check.equal(pulses_since(5000, 4000000, 1000), 1000)
    check.equal(pulses_since(7, 7, 1000), 0)


@check.case
def lamp_faults_are_told_apart() -> None:
    def found(level: int, power_mw: int) -> list:
        faults = lamp_rules.power_faults(level, 100, power_mw)
        return sorted([name for name in faults if faults[name]])

    check.equal(found(100, 100000), [])
    check.equal(found(40, 43000), [])
    check.equal(found(10, 14500), [])
    check.equal(found(100, 600), ["lamp_failure"])
    check.equal(found(40, 600), ["lamp_failure"])
    check.equal(found(5, 600), ["lamp_failure"])
    check.equal(found(100, 45000), ["power_too_low"])
    check.equal(found(40, 100000), ["power_too_high"])
    check.equal(found(0, 0), [])
    check.equal(found(0, 98000), ["unexpected_on"])


@check.case
def supply_faults_are_told_apart() -> None:
    check.equal(
        lamp_rules.supply_faults(190000), {"voltage_too_low": True, "voltage_too_high": False}
    )
    check.equal(
        lamp_rules.supply_faults(228000), {"voltage_too_low": False, "voltage_too_high": False}
    )
    check.equal(
        lamp_rules.supply_faults(260000), {"voltage_too_low": False, "voltage_too_high": True}
    )
    check.equal(lamp_rules.factor_percent(228000, 460, 100000), 95)
    check.equal(lamp_rules.factor_percent(228000, 0, 0), None)


check.run()
