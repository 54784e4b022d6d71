"""What a station's outputs may never do, whatever is measured and asked of them."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.nodes.greenhouse.output_rules import (
    BAND,
    DAILY_LIMIT,
    FAIL_SAFE,
    INTERLOCK,
    NO_RULE,
    OutputRules,
)
from protocols.fields import OUTPUTS
from protocols.rules import check_rules
from tests.unit.firmware.rule_cases import rules_by_chance, steps_by_chance
from tests.unit.firmware.runner import RUNTIMES, run_device

DAY = 9400
IRRIGATION: dict[str, Any] = {
    "measure": "soil_moisture_percent", "on": 250, "off": 320, "min_on_s": 60, "min_off_s": 600,
    "most_on_s": 900, "hours": None, "excludes": ["vent_motor"], "limits": [], "fail_safe": 0,
}  # fmt: skip
VENT: dict[str, Any] = IRRIGATION | {
    "measure": "air_temperature_c", "on": 280, "off": 250, "min_on_s": 120, "min_off_s": 120,
    "most_on_s": None, "excludes": [], "fail_safe": 1,
}  # fmt: skip


def greenhouse(**rules: dict[str, Any]) -> OutputRules:
    """Outputs under some rules, long enough after the boot to turn on."""
    check_rules(rules)
    outputs = OutputRules(OUTPUTS)
    outputs.follow(rules)
    outputs.step(3600, DAY, 600, {"soil_moisture_percent": 300, "air_temperature_c": 200}, ())
    return outputs


@given(st.integers(0, 1 << 32))
@settings(max_examples=400, deadline=None)
def test_no_sequence_of_readings_breaks_a_rule(seed: int) -> None:
    chance = random.Random(seed)
    rules = rules_by_chance(chance)
    check_rules(rules)
    outputs = OutputRules(OUTPUTS)
    outputs.follow(rules)
    held = dict.fromkeys(OUTPUTS, 0)
    used = dict.fromkeys(OUTPUTS, 0)
    day = 0
    for step in steps_by_chance(chance, 60):
        before = dict(outputs.on)
        outputs.step(*step)
        passed_s, known, _, values, away = step
        for name in OUTPUTS:
            held[name] += passed_s
            used[name] += passed_s if before[name] else 0
        if known is not None and known > day:
            used = dict.fromkeys(OUTPUTS, 0)
            day = known
        moved = ["vent_motor"] if before["vent"] != outputs.on["vent"] else []
        for name in OUTPUTS:
            _judge(outputs, name, rules.get(name), before[name], held[name], used[name], values)
            if name in rules and outputs.on[name]:
                standing = [*away, *moved, *(other for other in OUTPUTS if outputs.on[other])]
                assert not set(rules[name]["excludes"]) & set(standing), name
            if outputs.on[name] != before[name]:
                held[name] = 0


def _judge(
    outputs: OutputRules,
    name: str,
    rule: dict[str, Any] | None,
    was_on: bool,
    held_s: int,
    used_s: int,
    values: dict[str, int | None],
) -> None:
    is_on, reason = outputs.on[name], outputs.reason[name]
    if rule is None:
        assert (is_on, reason) == (False, NO_RULE)
        return
    if is_on and not was_on:
        assert held_s >= rule["min_off_s"], name
    if was_on and not is_on and reason not in (INTERLOCK, DAILY_LIMIT):
        assert held_s >= rule["min_on_s"], name
    if is_on:
        assert rule["most_on_s"] is None or used_s < rule["most_on_s"], name
        for measure, low, high in rule["limits"]:
            value = values.get(measure)
            assert value is not None, name
            assert low is None or value >= low, name
            assert high is None or value <= high, name
    if reason == FAIL_SAFE:
        assert values.get(rule["measure"]) is None
        least_s = rule["min_on_s"] if was_on else rule["min_off_s"]
        # By level: unless a minimum time still runs, it is in its fail-safe state now.
        assert is_on == bool(rule["fail_safe"]) or held_s < least_s, name


def test_irrigation_keeps_its_band() -> None:
    outputs = greenhouse(irrigation=IRRIGATION)
    seen: list[bool] = []
    for moisture in (300, 251, 250, 280, 319, 320, 300, 251):
        outputs.step(60, DAY, 600, {"soil_moisture_percent": moisture}, ())
        seen.append(outputs.on["irrigation"])
    assert seen == [False, False, True, True, True, False, False, False]


def test_a_lost_sensor_leads_to_the_fail_safe_state_by_level() -> None:
    outputs = greenhouse(irrigation=IRRIGATION, vent=VENT)
    outputs.step(1, DAY, 600, {"soil_moisture_percent": 200, "air_temperature_c": 200}, ())
    assert outputs.on["irrigation"] and not outputs.on["vent"]
    outputs.step(60, DAY, 600, {}, ())
    # The vent's motor runs for the moment of its change, and irrigation stays off anyway.
    assert not outputs.on["irrigation"] and outputs.on["vent"]
    assert outputs.reason["vent"] == FAIL_SAFE
    outputs.step(600, DAY, 600, {"soil_moisture_percent": 200, "air_temperature_c": 200}, ())
    assert outputs.on["irrigation"] is False  # the vent closes again: its motor runs
    outputs.step(1, DAY, 600, {"soil_moisture_percent": 200, "air_temperature_c": 200}, ())
    assert outputs.on["irrigation"] and outputs.reason["irrigation"] == BAND


def test_an_interlock_beats_the_minimum_time() -> None:
    outputs = greenhouse(irrigation=IRRIGATION)
    dry: dict[str, int | None] = {"soil_moisture_percent": 100}
    outputs.step(1, DAY, 600, dry, ())
    assert outputs.on["irrigation"]
    outputs.step(1, DAY, 600, dry, ("vent_motor",))
    assert not outputs.on["irrigation"]
    outputs.step(599, DAY, 600, dry, ())
    assert not outputs.on["irrigation"]
    outputs.step(1, DAY, 600, dry, ())
    assert outputs.on["irrigation"]


def test_overheat_and_an_open_door_turn_the_lamp_off() -> None:
    lamp = IRRIGATION | {
        "measure": "illuminance_lx", "on": 3000, "off": 8000, "min_off_s": 0, "most_on_s": None,
        "hours": [300, 1200], "excludes": ["door"], "limits": [["air_temperature_c", None, 350]],
    }  # fmt: skip
    outputs = greenhouse(lamp=lamp)
    dark: dict[str, int | None] = {"illuminance_lx": 100, "air_temperature_c": 250}
    cases: list[tuple[int | None, int, dict[str, int | None], tuple[str, ...], bool]] = [
        (DAY, 600, dark, (), True),
        (DAY, 600, dark, ("door",), False),
        (DAY, 600, dark | {"air_temperature_c": 351}, (), False),
        (DAY, 600, {"illuminance_lx": 100}, (), False),
        (DAY, 1200, dark, (), False),
        (None, 600, dark, (), False),
        (DAY, 600, dark, (), True),
    ]
    for day, minute, values, conditions, wanted in cases:
        outputs.step(1, day, minute, values, conditions)
        assert outputs.on["lamp"] is wanted


def test_the_days_water_is_spent_once_also_over_reboots_and_a_clock_set_back() -> None:
    quick: dict[str, Any] = IRRIGATION | {"min_off_s": 0}
    outputs = greenhouse(irrigation=quick)
    dry: dict[str, int | None] = {"soil_moisture_percent": 100}
    watered_s = 0
    kept = outputs.dump(True)
    for number in range(400):
        was_on = outputs.on["irrigation"]
        outputs.step(10, DAY - (number % 7 == 0), 600, dry, ())
        watered_s += 10 if was_on else 0
        kept = outputs.dump() or kept
        if number % 11 == 0:
            outputs = OutputRules(OUTPUTS)
            outputs.follow({"irrigation": quick})
            outputs.load(kept)
    assert 0 < watered_s <= 900
    assert outputs.reason["irrigation"] == DAILY_LIMIT
    assert watered_s > 100
    outputs.step(10, DAY + 1, 600, dry, ())
    assert outputs.on["irrigation"]


def test_without_a_clock_a_day_has_24_hours() -> None:
    outputs = greenhouse(irrigation=IRRIGATION | {"min_off_s": 0})
    dry: dict[str, int | None] = {"soil_moisture_percent": 100}
    on = 0
    for _ in range(2 * 1440):
        outputs.step(60, None, 0, dry, ())
        on += outputs.on["irrigation"]
    assert 2 * 15 <= on <= 3 * 15


def test_a_step_that_starts_a_motor_ends_what_it_excludes() -> None:
    outputs = greenhouse(irrigation=IRRIGATION, vent=VENT)
    both: dict[str, int | None] = {"soil_moisture_percent": 100, "air_temperature_c": 200}
    outputs.step(1, DAY, 600, both, ())
    assert outputs.on["irrigation"]
    outputs.step(1, DAY, 600, both | {"air_temperature_c": 300}, ())
    assert outputs.on["vent"] and not outputs.on["irrigation"]


def test_what_was_stored_badly_counts_as_nothing() -> None:
    for data in (None, b"", b"\x00" * 19, b"\xff" * 20):
        outputs = greenhouse(irrigation=IRRIGATION)
        outputs.load(data)
        outputs.step(1, DAY, 600, {"soil_moisture_percent": 100}, ())
        assert outputs.used_s("irrigation") <= 0xFFFFFFFF


def test_rules_for_outputs_that_a_board_lacks_are_named() -> None:
    outputs = OutputRules(("vent",))
    outputs.follow({"vent": VENT, "irrigation": IRRIGATION})
    assert outputs.lacks() == ["irrigation"]
    outputs.step(600, DAY, 600, {"air_temperature_c": 300}, ())
    assert outputs.bitmap() == 1


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_node_decides_as_the_host_does(runtime: str, tmp_path: Path) -> None:
    vectors: list[dict[str, Any]] = []
    for seed in range(40):
        chance = random.Random(seed)
        rules = rules_by_chance(chance)
        steps = steps_by_chance(chance, 40)
        outputs = OutputRules(OUTPUTS)
        outputs.follow(rules)
        seen: list[list[Any]] = []
        for step in steps:
            outputs.step(*step)
            reasons = [outputs.reason[name] for name in OUTPUTS]
            seen.append([outputs.bitmap(), reasons, [outputs.used_s(name) for name in OUTPUTS]])
        vectors.append({"rules": rules, "steps": steps, "seen": seen})
    (tmp_path / "vectors.json").write_text(json.dumps(vectors))
    results = run_device("output_rules", runtime, tmp_path, heap="8m")
    results.check()
    assert results.values["outputs_follow_their_rules_as_on_the_host"] == 40
