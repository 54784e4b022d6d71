"""A node's whole firmware on a virtual chip, brought there by esptool and mpremote alone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from boards.flash_map import flash_map_path, read_flash_map
from boards.virtual.chip.base_image import make_firmware
from boards.virtual.chip.models import find_model
from protocols import messages
from tests.unit.boards.virtual.bench_runner import wait_until
from tests.unit.boards.virtual.chip.rig_runner import rig
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.servers import Heard

pytestmark = pytest.mark.sockets

FLASH_MB = 4
_FILES = ("main.py", "config.json", "board.json", "slots.json")


def test_a_blank_board_becomes_a_streetlight_that_reports(lab: Lab, tmp_path: Path) -> None:
    node = lab.new_node("streetlight", "on-a-chip")
    table = read_flash_map(flash_map_path(FLASH_MB), FLASH_MB)
    firmware = tmp_path / "firmware.bin"
    firmware.write_bytes(make_firmware(find_model("esp32"), FLASH_MB))
    with rig(tmp_path, {"node": ("esp32", FLASH_MB)}) as boards:
        board = boards["node"]
        application = str(node.folder / "flash" / "romfs.img")
        written = ("0x1000", str(firmware), hex(table["romfs"][2]), application)
        ran = board.esptool("write-flash", *written)
        assert ran.status == 0, ran.said
        assert board.press("reset")["state"] == "running"
        board.wait_for_repl()
        for name in ("identity", "state"):
            if (node.folder / name).is_dir():
                ran = board.mpremote("fs", "cp", "-r", str(node.folder / name), ":")
                assert ran.status == 0, ran.said
        files = [str(node.folder / name) for name in _FILES if (node.folder / name).exists()]
        ran = board.mpremote("fs", "cp", *files, ":")
        assert ran.status == 0, ran.said
        board.press("reset")
        booted = lab.server.wait(_is_event(messages.BOOTED))
        assert booted.parts[5]["cause"] == "power_on"
        assert lab.server.wait(lambda message: message.channel == "report")
        # A technician looks at what it runs: Ctrl-C stops it, and the board is a board again.
        said = board.mpremote("exec", "import json; print(open('config.json').read())").said
        assert json.loads(said)["node"] == "on-a-chip"
        # The power goes and comes back: it starts by itself, one boot later.
        board.press("power_off")
        assert board.press("power_on")["state"] == "running"
        wait_until(lambda: board.press("status")["up"])
        assert lab.server.wait(_is_event(messages.BOOTED, boot=booted.parts[1] + 1))


def _is_event(code: int, boot: int | None = None) -> Callable[[Heard], bool]:
    def fits(message: Heard) -> bool:
        if message.channel != "event" or message.code != code:
            return False
        return boot is None or message.parts[1] == boot

    return fits
