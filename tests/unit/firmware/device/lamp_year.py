"""A lamp's level over a year of evenings, on the device."""

import check

from firmware.nodes.level_plan import LevelPlan
from firmware.nodes.streetlight.rules import constant_output
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
def an_old_light_source_is_driven_harder() -> None:
    curve = [[0, 80], [50000, 90], [100000, 100]]
    check.equal(constant_output(100, curve, 0), 80)
    check.equal(constant_output(100, curve, 25000), 85)
    check.equal(constant_output(100, curve, 50000), 90)
    check.equal(constant_output(100, curve, 99999), 99)
    check.equal(constant_output(100, curve, 400000), 100)
    check.equal(constant_output(50, curve, 0), 40)
    # What should burn burns, and what is off stays off.
    check.equal(constant_output(1, curve, 0), 1)
    check.equal(constant_output(0, curve, 50000), 0)
    check.equal(constant_output(70, (), 50000), 70)
    check.equal(constant_output(100, [[1000, 85]], 0), 85)


@check.case
def a_mains_cut_within_a_ramp_changes_nothing() -> int:
    # From 100 to 40 % in ten minutes: whoever starts at any second is where the others are.
    calendar = {
        "programs": [[[1, 0, 100, 0], [0, 1380, 40, 600], [2, 0, 0, 0]]],
        "rules": [[0, 0x7F, None, None]],
        "utc_offset_min": 420,
    }
    followed = plan_of(calendar)
    start_s = 946684800 + 9821 * 86400 + 16 * 3600
    for passed_s in range(-2, 603):
        level = followed.level_percent(start_s + passed_s)
        check.equal(plan_of(calendar).level_percent(start_s + passed_s), level)
        wanted = 100 - 60 * max(0, min(600, passed_s)) / 600
        check.near(level, wanted, 1)
    return 605


check.run()
