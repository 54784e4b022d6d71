"""`python -m boards.virtual.chip`: what is wrong is said in one line, status 2."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.boards.virtual.bench_runner import ROOT
from tests.unit.boards.virtual.chip.rig_runner import rig


def chip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "boards.virtual.chip", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"chip": "esp8266"}, "unknown chip 'esp8266': esp32, esp32s3, esp32c3, esp32c6"),
        ({"flash_mb": 3}, "there is no flash of 3145728 bytes"),
        ({"pty": None}, "a board has either a pty or an rfc2217 port"),
        ({"mac": "12"}, "mac: six bytes in hexadecimal, not '12'"),
        ({"colour": "red"}, "a board has no colour"),
        ({"pty": "absent/x"}, "No such file or directory"),
    ],
)
def test_a_rig_that_makes_no_sense_is_refused(
    tmp_path: Path, change: dict[str, object], text: str
) -> None:
    board: dict[str, object] = {"chip": "esp32", "flash_mb": 4, "image": "a.img", "pty": "a.tty"}
    board |= change
    board = {key: value for key, value in board.items() if value is not None}
    (tmp_path / "rig.json").write_text(json.dumps({"boards": [board]}))
    done = chip("--rig", str(tmp_path / "rig.json"))
    assert done.returncode == 2
    assert done.stderr.startswith("chip: ") and text in done.stderr
    assert done.stderr.count("\n") == 1


def test_options_are_checked_before_anything_starts(tmp_path: Path) -> None:
    image = str(tmp_path / "a.img")
    given = ("--chip", "esp32", "--image", image)
    assert "--flash-size is missing" in chip(*given).stderr
    assert "is no size such as 8MB" in chip(*given, "--flash-size", "big").stderr
    open_to_all = chip(*given, "--flash-size", "4MB", "--rfc2217", "0.0.0.0:4000")
    assert open_to_all.returncode == 2 and "a port on 127.0.0.1" in open_to_all.stderr
    assert not (tmp_path / "a.img").exists()


def test_no_image_is_in_two_boards(tmp_path: Path) -> None:
    with rig(tmp_path, {"one": ("esp32", 4)}) as boards:
        image = str(boards["one"].image)
        again = ("--chip", "esp32", "--flash-size", "4MB", "--image", image)
        done = chip(*again, "--pty", str(tmp_path / "second.tty"))
    assert done.returncode == 2 and "another board runs with this image" in done.stderr
