"""Stories of a gauge through a flood: the real firmware, two sensors, rain and a lost broker."""

import json
import time
from pathlib import Path

import pytest

from protocols import messages
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node, power
from tests.unit.firmware.lab.reports import all_rows, wait_row

pytestmark = pytest.mark.sockets

MORNING_S = 1795312800  # 2026-11-22, 09:00 in Da Lat


def gauge(lab: Lab, speed: float = 60, level_m: float = 5.0, **config: int) -> Node:
    """A gauge over quiet water."""
    node = lab.new_node("reservoir", **config)
    node.at(MORNING_S, speed)
    node.word["set"] = {"level_m": level_m, "rain_mm_per_h": 0}
    return node


def test_a_flood_that_rises_while_the_broker_is_away_is_told_first_and_once(lab: Lab) -> None:
    with power(gauge(lab)) as node:
        wait_row(lab.server, level_m=(4.9, 5.1))
        lab.broker.stop()
        lab.server.forget()
        for level_m in (6.2, 7.4, 8.1):
            node.set("level_m", level_m)
            time.sleep(1.5)
        lab.broker.start()
        wait_row(lab.server, flood_alarm_level=3)
        time.sleep(1.5)
        heard = list(lab.server.heard)
    changes = [h.parts[5] for h in heard if h.code == messages.FLOOD_LEVEL_CHANGED]
    assert [(each["before"], each["level"]) for each in changes] == [(0, 1), (1, 2), (2, 3)]
    for change, level_m in zip(changes, (6, 7, 8), strict=True):
        assert change["level_mm"] >= level_m * 1000
    last_change = max(at for at, h in enumerate(heard) if h.code == messages.FLOOD_LEVEL_CHANGED)
    # Only what was on its way when the broker left goes before them.
    assert {row["flood_alarm_level"] for row in all_rows(heard[:last_change])} <= {0}
    # And what was measured meanwhile came too.
    assert {1, 2, 3} <= {row["flood_alarm_level"] for row in all_rows(heard)}


def is_quiet(lab: Lab) -> bool:
    """Whether hardly anything comes for two of an alarm's periods."""
    time.sleep(1.2)
    lab.server.forget()
    time.sleep(2.2)
    return len(all_rows(lab.server.heard)) <= 1


def wait_rows(lab: Lab, count: int) -> None:
    """Wait for so many reports within as many periods and a little more."""
    lab.server.forget()
    deadline = time.monotonic() + count + 10
    while len(all_rows(lab.server.heard)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_server_sees_a_report_a_minute_while_it_matters_and_few_else(lab: Lab) -> None:
    # A second stands for the minute of an alarm; nothing else is due for ten minutes.
    with power(gauge(lab, report_s=600, alarm_report_s=1)) as node:
        wait_row(lab.server, level_m=(4.9, 5.1))
        assert is_quiet(lab)
        node.set("level_m", 6.2)
        wait_row(lab.server, flood_alarm_level=1)
        wait_rows(lab, 3)
        # An operator may ask for less, but not for less than an alarm needs.
        lab.server.desire(node.name, 1, {"report_s": 3600})
        wait_row(lab.server, desired_version=1)
        wait_rows(lab, 3)
        node.set("level_m", 5.0)
        wait_row(lab.server, flood_alarm_level=0)
        assert is_quiet(lab)
        # What an operator wants to see more often is reported more often in quiet times too.
        lab.server.desire(node.name, 2, {"report_s": 1})
        wait_row(lab.server, desired_version=2)
        wait_rows(lab, 3)


def test_a_quick_rise_below_every_alarm_level_is_reported_often(lab: Lab) -> None:
    with power(gauge(lab, speed=1200, level_m=3.0, report_s=600, alarm_report_s=1)) as node:
        wait_row(lab.server, level_m=(2.9, 3.1))
        for step in range(1, 7):
            node.set("level_m", 3.0 + 0.2 * step)
            time.sleep(0.5)
        wait_row(lab.server, rate_of_rise_m_per_h=(0.3, 9))
        wait_rows(lab, 2)
        # An hour of calm water, and it is quiet again.
        wait_row(lab.server, rate_of_rise_m_per_h=(-1, 0.14))
        assert is_quiet(lab)


def test_rain_that_was_counted_is_lost_by_a_millimetre_at_most(lab: Lab) -> None:
    node = gauge(lab)
    node.word["set"]["rain_mm_per_h"] = 60
    counted_mm = 0.0
    for boot in (1, 2, 3):
        with power(node):
            wait_row(lab.server, boot=boot, rain_mm=(counted_mm + 2, 1000))
            rows = [row for row in all_rows(lab.server.heard) if row["boot"] == boot]
        assert min(row["rain_mm"] for row in rows) >= max(0.0, counted_mm - 1)
        counted_mm = max(row["rain_mm"] for row in rows)


def test_a_drifting_radar_is_found_out_by_the_loop(lab: Lab) -> None:
    with power(gauge(lab, speed=600)) as node:
        wait_row(lab.server, level_m=(4.9, 5.1))
        node.set("sensor_fault", {"part": "level_backup", "fault": "drift"})
        assert lab.server.event(messages.FAULT_ON) == {"fault": "level_disagreement"}
        row = wait_row(lab.server, fault_names=["level_disagreement"])
        assert row["level_m"] == pytest.approx(5.0, abs=0.02)


def test_a_radar_that_loses_its_echo_is_named_and_the_loop_goes_on(lab: Lab) -> None:
    with power(gauge(lab)) as node:
        wait_row(lab.server, level_m=(4.9, 5.1))
        node.set("sensor_fault", {"part": "level_backup", "fault": "echo_lost"})
        assert lab.server.event(messages.FAULT_ON) == {"fault": "backup_sensor_failure"}
        row = wait_row(lab.server, fault_names=["backup_sensor_failure"])
        assert row["level_m"] == pytest.approx(5.0, abs=0.02)


def test_a_gauge_with_one_sensor_says_nothing_when_its_loop_is_open(lab: Lab) -> None:
    node = gauge(lab)
    path: Path = node.folder / "board.json"
    board = json.loads(path.read_text())
    del board["parts"]["level_backup"]
    path.write_text(json.dumps(board))
    with power(node):
        wait_row(lab.server, level_m=(4.9, 5.1))
        node.set("sensor_fault", {"part": "level", "fault": "open"})
        row = wait_row(lab.server, level_m=None, fault_names=["level_sensor_failure"])
        assert (row["loop_current_ma"], row["rate_of_rise_m_per_h"]) == (0, None)
        assert row["battery_v"] is not None
        # The alarm level that stood is not taken back by blindness.
        node.set("sensor_fault", None)
        wait_row(lab.server, level_m=(4.9, 5.1))
