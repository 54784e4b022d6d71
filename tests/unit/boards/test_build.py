"""`python -m boards.build` and the manifests of the boards."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from boards.description import read_board
from boards.flash_map import read_flash_map
from boards.micropython import write_micropython_board

KINDS = ("streetlight", "smart_bin", "greenhouse", "reservoir", "control_cabinet")


def build(repository: Path, board: str, out: Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "boards.build", board, "--out", str(out)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_board_is_compiled_the_same_every_time(repository: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "one.json", tmp_path / "two.json"]
    for out in outs:
        done = build(repository, "streetlight_esp32", out)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert outs[0].read_bytes() == outs[1].read_bytes()
    board = json.loads(outs[0].read_text())
    assert board["kind"] == "streetlight"
    assert board["parts"]["lamp"]["pwm"] == 25
    assert board["buses"]["uart2"]["baud"] == 4800
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.json", "two.json"]


def test_a_wrong_board_is_one_line_and_leaves_the_old_file(
    repository: Path, tmp_path: Path
) -> None:
    source = (repository / "boards" / "streetlight_esp32" / "board.toml").read_text("utf-8")
    folder = tmp_path / "streetlight_esp32"
    folder.mkdir()
    (folder / "board.toml").write_text(source.replace("relay = 26", "relay = 34"))
    out = tmp_path / "board.json"
    out.write_text("old")
    done = build(repository, str(folder / "board.toml"), out)
    assert done.returncode == 2
    assert done.stdout == ""
    line = source.split("\n").index("relay = 26") + 1
    assert done.stderr.startswith(f"{folder / 'board.toml'}:{line}: ")
    assert done.stderr.count("\n") == 1
    assert out.read_text() == "old"


@pytest.mark.parametrize("board", ["no_such_board", "/nowhere/board.toml"])
def test_a_missing_board_is_one_line(repository: Path, tmp_path: Path, board: str) -> None:
    done = build(repository, board, tmp_path / "board.json")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "board.json").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_carries_the_bootstrap_and_nothing_that_is_updated(
    repository: Path, kind: str
) -> None:
    carried: list[str] = []
    included: list[str] = []

    def run(path: Path) -> None:
        def include(name: str) -> None:
            included.append(name)
            if not name.startswith("$"):
                run((path.parent / name).resolve())

        def module(name: str, base_path: str) -> None:
            file = (path.parent / base_path / name).resolve()
            assert file.is_file()
            carried.append(file.relative_to(repository).as_posix())

        words: dict[str, Any] = {"include": include, "module": module}
        exec(compile(path.read_text("utf-8"), str(path), "exec"), words)

    run(repository / "boards" / f"{kind}_esp32" / "manifest.py")
    assert carried == ["firmware/boot/main.py"]
    assert "$(PORT_DIR)/boards/manifest.py" in included


@pytest.mark.parametrize("flash_mb", [4, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_micropython_gets_a_folder_to_build_the_board_from(
    repository: Path, tmp_path: Path, kind: str, flash_mb: int
) -> None:
    source = repository / "boards" / f"{kind}_esp32"
    board = read_board(source / "board.toml", flash_mb)
    write_micropython_board(board, source, tmp_path / "made")
    files = {path.name: path.read_text("utf-8") for path in (tmp_path / "made").iterdir()}
    assert sorted(files) == [
        *("mpconfigboard.cmake", "mpconfigboard.h", "partitions.csv", "sdkconfig.board")
    ]
    assert f'MICROPY_FROZEN_MANIFEST "{source / "manifest.py"}"' in files["mpconfigboard.cmake"]
    assert "${MICROPY_BOARD_DIR}/sdkconfig.board" in files["mpconfigboard.cmake"]
    assert "#define MICROPY_VFS_ROM (1)" in files["mpconfigboard.h"]
    chosen = [line for line in files["sdkconfig.board"].split("\n") if line.endswith("=y")]
    assert chosen[0] == f"CONFIG_ESPTOOLPY_FLASHSIZE_{flash_mb}MB=y"
    assert f'FILENAME="{tmp_path / "made" / "partitions.csv"}"' in files["sdkconfig.board"]
    # What the node reads of its flash is what MicroPython is built with.
    assert read_flash_map(tmp_path / "made" / "partitions.csv", flash_mb) == board.partitions


def test_the_command_builds_for_another_flash(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "boards.build", "greenhouse_esp32", "--flash-mb", "8"]
    outs = ["--out", str(tmp_path / "board.json"), "--micropython", str(tmp_path / "made")]
    subprocess.run([*command, *outs], cwd=repository, check=True, timeout=60)
    assert json.loads((tmp_path / "board.json").read_text())["flash_mb"] == 8
    assert (tmp_path / "made" / "mpconfigboard.cmake").is_file()
