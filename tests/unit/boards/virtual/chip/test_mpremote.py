"""The stock mpremote, run as a program, on a virtual board with a pseudo-terminal as its port."""

import contextlib
import hashlib
import os
import time
import tty
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.unit.boards.virtual.bench_runner import wait_until
from tests.unit.boards.virtual.chip.rig_runner import RigBoard, rig


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, RigBoard]]:
    chips = {"left": ("esp32s3", 8), "right": ("esp32", 4)}
    with rig(tmp_path_factory.mktemp("rig"), chips) as found:
        for board in found.values():
            board.flash_firmware()
        yield found


@pytest.fixture
def board(boards: dict[str, RigBoard]) -> RigBoard:
    return boards["left"]


def test_exec_eval_and_run_answer_as_a_chip_does(board: RigBoard, tmp_path: Path) -> None:
    assert board.mpremote("exec", "print('a'); print('b')").said == "a\nb\n"
    assert board.mpremote("eval", "6 * 7").said.strip() == "42"
    program = tmp_path / "program.py"
    program.write_text("import sys\nprint(sys.platform, __name__)\n")
    assert board.mpremote("run", str(program)).said.strip() == "esp32 __main__"
    ran = board.mpremote("exec", "1 / 0")
    assert ran.status == 1
    expected = 'Traceback (most recent call last):\n  File "<stdin>", line 1, in <module>\n'
    assert ran.said.startswith(expected + "ZeroDivisionError")
    assert board.mpremote("exec", "def").said.strip().endswith("SyntaxError: invalid syntax")


def test_files_come_and_go(board: RigBoard, tmp_path: Path) -> None:
    data = bytes(range(256)) * 40
    source = tmp_path / "data.bin"
    source.write_bytes(data)
    assert board.mpremote("fs", "mkdir", ":lib").status == 0
    assert board.mpremote("fs", "cp", str(source), ":lib/data.bin").status == 0
    assert (
        hashlib.sha256(data).hexdigest() in board.mpremote("fs", "sha256sum", ":lib/data.bin").said
    )
    assert "10240 data.bin" in board.mpremote("fs", "ls", ":lib").said
    tree = board.mpremote("fs", "tree", ":").said
    assert "data.bin" in tree and ".chip" not in tree
    back = tmp_path / "back.bin"
    assert board.mpremote("fs", "cp", ":lib/data.bin", str(back)).status == 0
    assert back.read_bytes() == data
    text = tmp_path / "text.txt"
    text.write_text("one\ntwo\n")
    assert board.mpremote("fs", "cp", str(text), ":").status == 0
    assert "one\ntwo\n" in board.mpremote("fs", "cat", ":text.txt").said
    assert board.mpremote("fs", "rm", ":text.txt").status == 0
    assert board.mpremote("fs", "rm", "-r", ":lib").status == 0
    assert board.mpremote("exec", "import os; print(os.listdir())").said.strip() == "[]"
    assert board.mpremote("fs", "rm", ":text.txt").status == 1


def test_a_folder_of_the_host_is_mounted(board: RigBoard, tmp_path: Path) -> None:
    (tmp_path / "from_host.py").write_text("print('imported from the host')\n")
    ran = board.mpremote("mount", str(tmp_path), "exec", "import from_host")
    assert "imported from the host" in ran.said
    # Bytes that mean something on a serial line go through as bytes.
    program = "with open('/remote/out', 'wb') as f: f.write(bytes(range(256)))"
    assert board.mpremote("mount", str(tmp_path), "exec", program).status == 0
    assert (tmp_path / "out").read_bytes() == bytes(range(256))


def test_files_outlive_resets_and_loss_of_power(board: RigBoard, tmp_path: Path) -> None:
    source = tmp_path / "kept.txt"
    source.write_text("kept")
    assert board.mpremote("fs", "cp", str(source), ":kept.txt").status == 0
    assert board.mpremote("soft-reset").status == 0
    boots = board.press("status")["boots"]
    assert board.mpremote("reset").status == 0
    wait_until(lambda: board.press("status")["boots"] > boots + 1)
    board.wait_for_repl()
    cause = "import machine; print(machine.reset_cause())"
    assert board.mpremote("exec", cause, resume=True).said.strip() == "2"
    board.press("power_off")
    assert board.press("power_on")["state"] == "running"
    board.wait_for_repl()
    assert board.mpremote("exec", cause, resume=True).said.strip() == "1"
    assert "kept" in board.mpremote("fs", "cat", ":kept.txt").said
    assert board.mpremote("fs", "rm", ":kept.txt").status == 0


def test_a_running_program_is_interrupted(board: RigBoard, tmp_path: Path) -> None:
    endless = tmp_path / "main.py"
    endless.write_text("print('main is up')\nwhile True:\n    pass\n")
    assert board.mpremote("fs", "cp", str(endless), ":main.py").status == 0
    board.press("reset")
    board.wait_for_repl()
    assert board.mpremote("fs", "rm", ":main.py").status == 0


def test_names_survive_resume_and_not_a_soft_reset(board: RigBoard) -> None:
    assert board.mpremote("exec", "kept = 5").status == 0
    assert board.mpremote("eval", "kept", resume=True).said.strip() == "5"
    assert "NameError" in board.mpremote("exec", "print(kept)").said


def test_boards_of_one_rig_have_their_own_flash_and_name(boards: dict[str, RigBoard]) -> None:
    ask = "import os, machine; print(os.uname().machine, machine.unique_id().hex())"
    said = {name: board.mpremote("exec", ask).said.split() for name, board in boards.items()}
    assert said["left"][-2] == "ESP32S3" and said["right"][-2] == "ESP32"
    assert said["left"][-1] != said["right"][-1]
    boards["left"].mpremote("exec", "open('mine', 'w').close()")
    assert boards["right"].mpremote("exec", "import os; print(os.listdir())").said.strip() == "[]"
    boards["left"].mpremote("fs", "rm", ":mine")


def test_a_chip_that_loses_power_in_a_file_write_keeps_the_old_file(
    board: RigBoard, tmp_path: Path
) -> None:
    """littlefs on NOR: a rename that was not reached leaves what was there."""
    write = (
        "f = open('new', 'w'); f.write('{}' * 3000); f.close(); import os; os.rename('new', 'a')"
    )
    assert board.mpremote("exec", write.format("1")).status == 0
    for count in (100, 4500, 7000):
        board.press("cut_after", bytes=count)
        board.press("reset")
        board.wait_for_repl()
        # mpremote waits for ever for a board that went dark, so it is not to follow.
        board.mpremote("exec", "--no-follow", write.format("2"), resume=True)
        wait_until(lambda: board.press("status")["state"] == "off")
        assert board.press("power_on")["state"] == "running"
        board.wait_for_repl()
        held = board.mpremote("exec", "print(set(open('a').read()))").said.strip()
        assert held == "{'1'}", count
    assert board.mpremote("fs", "rm", ":a").status == 0


def test_the_friendly_repl_answers_a_person(board: RigBoard) -> None:
    line = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(line)
        os.set_blocking(line, False)
        heard = bytearray()

        def hears(text: bytes) -> bool:
            with contextlib.suppress(BlockingIOError):
                heard.extend(os.read(line, 4096))
            return text in heard

        board.press("reset")
        wait_until(lambda: hears(b"\r\n>>> "))
        assert b"POWERON_RESET" in heard and b"MicroPython v1." in heard
        for typed, answer in (
            (b"1 + 2\r", b"\r\n3\r\n>>> "),
            (b"for i in range(2):\r    print(i)\r\r", b"\r\n0\r\n1\r\n>>> "),
            (b"\x05x = 4\rprint(x)\r\x04", b"\r\n4\r\n>>> "),
            (b"while True: pass\r\r", b"pass\r\n"),
        ):
            heard.clear()
            os.write(line, typed)
            wait_until(lambda answer=answer: hears(answer))
        time.sleep(0.2)  # the endless loop has begun; before, Ctrl-C would only empty the line
        os.write(line, b"\x03")
        wait_until(lambda: hears(b"KeyboardInterrupt"))
        heard.clear()
        os.write(line, b"\x04")
        wait_until(lambda: hears(b"MPY: soft reboot") and hears(b">>> "))
    finally:
        os.close(line)
