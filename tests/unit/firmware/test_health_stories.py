"""Stories of runs that end badly: what is told of them, and how the node goes on."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from protocols import messages
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node, power
from tests.unit.firmware.runner import RUNTIMES, run_device

HARD, WATCHDOG = 2, 3


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_ends_of_runs_are_told_apart(runtime: str, tmp_path: Path) -> None:
    run_device("health", runtime, tmp_path).check()


def told(lab: Lab, code: int, boot: int) -> dict[str, Any]:
    """The detail of an event of one boot; what was said before may come once more."""
    return lab.server.wait(lambda heard: heard.code == code and heard.parts[1] == boot).parts[5]


def cause(lab: Lab, boot: int) -> str:
    """Why the node booted, as it says itself."""
    return told(lab, messages.BOOTED, boot)["cause"]


def again(lab: Lab, node: Node, cause: int, *, rtc_kept: bool = True) -> None:
    """End the node's run without a warning and let the chip boot as if by `cause`."""
    lab.server.wait(lambda heard: heard.channel == "state")
    node.cut()
    lab.server.forget()
    node.word["rtc_kept"] = rtc_kept
    node.start(cause)


@pytest.mark.sockets
def test_a_brown_out_is_told_from_a_power_on_and_a_panic_from_a_reset(lab: Lab) -> None:
    node = lab.new_node("smart_bin")
    with power(node):
        assert cause(lab, 1) == "power_on"
        again(lab, node, 1)
        assert cause(lab, 2) == "brown_out"
        crash = told(lab, messages.CRASHED, 2)
        assert crash["cause"] == "brown_out"
        assert crash["heap_free_bytes"] > 10000
        again(lab, node, 1, rtc_kept=False)
        assert cause(lab, 3) == "power_on"
        again(lab, node, HARD)
        assert cause(lab, 4) == "panic"
        assert told(lab, messages.CRASHED, 4)["cause"] == "panic"


@pytest.mark.sockets
def test_a_lamp_that_saw_the_mains_go_was_not_browned_out(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    with power(node):
        lab.server.wait(lambda heard: heard.channel == "report")
        node.tell(mains=False)
        lab.server.event(messages.LAST_GASP)
        deadline = time.monotonic() + 10
        while b"mains_lost" not in (node.folder / "rtc.bin").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        again(lab, node, 1)
        assert cause(lab, 2) == "power_on"


def spoil(node: Node, name: str, **settings: Any) -> dict[str, Any]:
    """Change a part of board.json; what the file was before."""
    path = node.folder / "board.json"
    board: dict[str, Any] = json.loads(path.read_text())
    path.write_text(json.dumps({**board, "parts": {**board["parts"], name: settings}}))
    return board


@pytest.mark.sockets
def test_a_crash_loop_enters_safe_mode_with_the_lamp_right_reports_it_and_leaves_it(
    lab: Lab,
) -> None:
    node = lab.new_node("streetlight", good_run_s=4)
    now_s = int(time.time())
    override = {"level": 40, "from_s": now_s - 60, "until_s": now_s + 3600}
    with power(node):
        lab.server.desire(node.name, 1, {"override": override})
        lab.server.state(lambda version, _facts: version == 1)
        node.cut()
        # A bus that the board does not have: the driver raises at each start.
        board = spoil(node, "photocell", part="bh1750", bus="i2c00", address=0x23)
        lab.server.forget()
        node.start()
        for _ in range(3):
            node.wait_reset()
        crash = lab.server.event(messages.CRASHED)
        assert crash["cause"] == "crash"
        assert crash["task"] == "start"
        assert crash["exception"].startswith("KeyError")
        assert crash["trace"].startswith("board.py")
        assert lab.server.event(messages.SAFE_MODE_ENTERED) == {"crashes": 3}
        facts = lab.server.state(lambda _version, facts: facts["error"] == "safe_mode")
        assert facts["crashes"] == 0
        report = lab.server.wait(lambda heard: heard.channel == "report")
        # The lamp is as it should be; the meter is left out, so there is no voltage.
        assert report.parts[4][:2] == [40, None]
        (node.folder / "board.json").write_text(json.dumps(board))
        node.wait_reset()
        assert lab.server.event(messages.SAFE_MODE_LEFT)["uptime_s"] >= 4
        lab.server.forget()
        assert cause(lab, 6) == "safe_mode"
        lab.server.state(lambda _version, facts: facts["error"] is None)
        metered = lab.server.wait(lambda heard: heard.channel == "report" and heard.parts[4][1])
        assert metered.parts[4][1] > 2000


@pytest.mark.sockets
def test_a_new_desired_state_ends_safe_mode_at_once(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    with power(node):
        lab.server.wait(lambda heard: heard.channel == "state")
        for boot, cause_code in enumerate((WATCHDOG, HARD, WATCHDOG), 2):
            again(lab, node, cause_code)
            told(lab, messages.CRASHED, boot)
        lab.server.event(messages.SAFE_MODE_ENTERED)
        lab.server.desire(node.name, 1, {"report_s": 2})
        node.wait_reset()
        lab.server.event(messages.SAFE_MODE_LEFT)
        lab.server.state(lambda version, facts: version == 1 and facts["error"] is None)


@pytest.mark.sockets
def test_a_bootstrap_that_finds_nothing_to_run_leaves_word_of_it(lab: Lab) -> None:
    node = lab.new_node("smart_bin")
    image = node.folder / "flash" / "romfs.img"
    data = image.read_bytes()
    image.write_bytes(b"\x00" + data[1:])
    with power(node):
        assert node.wait_end() == 75
        image.write_bytes(data)
        node.start(HARD)
        crash = lab.server.event(messages.CRASHED)
        assert (crash["cause"], crash["task"]) == ("crash", "bootstrap")
        assert crash["exception"].startswith("RuntimeError")
