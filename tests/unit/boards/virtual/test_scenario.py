"""A scenario is checked whole, and then played by the city's clock."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from boards.virtual.errors import SettingsError
from boards.virtual.orders import Order
from boards.virtual.scenario import read_scenario
from boards.virtual.settings import read_settings
from tests.unit.boards.virtual.bench_runner import (
    ROOT,
    RunningBench,
    make_node,
    write_bench,
)

STORM = """
[[step]]
after_s = 900
do = "restore_feeder"
feeder = "fa"

[[step]]
after_s = 0.5
do = "set"
node = "a-1"
what = "tilt"
value = 30

[[step]]
after_s = 120
do = "cut_feeder"
feeder = "fa"
"""


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """bench.json of two lamps on a feeder, 200 city seconds a real one."""
    nodes = [make_node(tmp_path, name, feeder="fa") for name in ("a-1", "a-2")]
    clock = {"real_ref_s": time.time(), "city_ref_s": 1763600000, "speed": 200}
    return write_bench(tmp_path, nodes, clock=clock)


def scenario(folder: Path, text: str) -> Path:
    """The file."""
    path = folder / "scenario.toml"
    path.write_text(text)
    return path


def test_steps_come_in_the_order_of_their_moments(bench: Path, tmp_path: Path) -> None:
    steps = read_scenario(scenario(tmp_path, STORM), read_settings(bench))
    assert [step.after_s for step in steps] == [0.5, 120, 900]
    assert steps[0].order == Order("set", "node", "a-1", "tilt", 30)
    assert read_scenario(scenario(tmp_path, ""), read_settings(bench)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[step", "scenario.toml: "),
        ("[step]\nafter_s = 1", r"must be written \[\[step\]\]"),
        ("steps = 1", "unknown 'steps'"),
        ("step = [1]", "step 1: must be a table"),
        ("[[step]]\ndo = 'cut_feeder'\nfeeder = 'fa'", "step 1: after_s"),
        ("[[step]]\nafter_s = true\ndo = 'cut_feeder'\nfeeder = 'fa'", "step 1: after_s"),
        ("[[step]]\nafter_s = -1\ndo = 'cut_feeder'\nfeeder = 'fa'", "step 1: after_s"),
        ("[[step]]\nafter_s = nan\ndo = 'cut_feeder'\nfeeder = 'fa'", "step 1: after_s"),
        (STORM + "[[step]]\nafter_s = 1\ndo = 'cut_feeder'\nfeeder = 'fb'", "step 4: .* no feeder"),
        ("[[step]]\nafter_s = 1\ndo = 'stop'", "step 1: unknown order"),
        (STORM.replace("30", "300"), "step 2: tilt is a number"),
    ],
)
def test_a_mistake_is_named_before_anything_is_played(
    bench: Path, tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        read_scenario(scenario(tmp_path, text), read_settings(bench))


def test_a_clock_that_stands_still_plays_nothing(tmp_path: Path) -> None:
    clock = {"real_ref_s": 0, "city_ref_s": 1763600000, "speed": 0}
    bench = write_bench(tmp_path, [make_node(tmp_path, "a-1", feeder="fa")], clock=clock)
    with pytest.raises(SettingsError, match="stands still"):
        read_scenario(scenario(tmp_path, STORM), read_settings(bench))


def test_a_wrong_scenario_is_one_line_and_status_2(bench: Path, tmp_path: Path) -> None:
    path = scenario(tmp_path, "steps = 1")
    command = [sys.executable, "-m", "boards.virtual", "--bench", str(bench)]
    done = subprocess.run(
        [*command, "--scenario", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (f"bench: {path}: unknown 'steps'; a scenario is a list of [[step]]\n")


@pytest.mark.sockets
def test_a_storm_is_played_by_the_citys_clock(bench: Path, tmp_path: Path) -> None:
    with RunningBench(bench, "--scenario", str(scenario(tmp_path, STORM))) as running:
        stdout = running.process.stdout
        assert stdout is not None
        assert stdout.readline() == "scenario: 0 s: set node a-1 tilt = 30\n"
        assert stdout.readline() == "scenario: 120 s: cut feeder fa\n"
        # The next step is four seconds away.
        assert not running.node("a-2")["mains"]
        assert running.node("a-1")["set"] == {"tilt": 30}
        assert stdout.readline() == "scenario: 900 s: restore feeder fa\n"
        assert running.node("a-2")["mains"]
