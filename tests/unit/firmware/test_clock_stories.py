"""Stories of time: a board that lost it, a server that tells it, a watchdog that measures it."""

import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from protocols import messages
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import power
from tests.unit.firmware.runner import DEVICE, PROGRAMS, ROOT, RUNTIMES

pytestmark = pytest.mark.sockets

# 2000-01-01: what a clock without a battery shows.
UNSET_S = 946684800
NTP_EPOCH_S = 2208988800


class TimeServer:
    """A small SNTP server; what it answers can be spoilt.

    Attributes:
        tells_s: The unix second that it tells.
        mode: The mode of its answers; 4 is a server's.
        stratum: 0 is a refusal.
        repeats_nonce: Whether it sends the question's stamp back.
    """

    def __init__(self) -> None:
        self.tells_s = int(time.time())
        self.mode = 4
        self.stratum = 2
        self.repeats_nonce = True
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self._closing = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._closing = True
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing:
            try:
                question, address = self._socket.recvfrom(100)
            except TimeoutError:
                continue
            self.asked += 1
            nonce = question[40:48] if self.repeats_nonce else bytes(8)
            answer = bytes((0x20 | self.mode, self.stratum)) + bytes(22) + nonce + bytes(8)
            answer += struct.pack(">II", (self.tells_s + NTP_EPOCH_S) % (1 << 32), 0)
            self._socket.sendto(answer, address)


@pytest.fixture
def time_server() -> Generator[TimeServer]:
    """A running time server."""
    server = TimeServer()
    try:
        yield server
    finally:
        server.close()


def test_a_board_without_time_asks_before_it_connects(lab: Lab, time_server: TimeServer) -> None:
    node = lab.new_node("smart_bin", ntp=["127.0.0.1", time_server.port])
    node.at(UNSET_S)
    with power(node):
        report = lab.server.wait(lambda message: message.channel == "report")
        assert abs(report.parts[3] - time_server.tells_s) < 20


@pytest.mark.parametrize("spoil", ["mode", "stratum", "nonce"])
def test_an_answer_that_is_none_does_not_set_the_clock(
    lab: Lab, time_server: TimeServer, spoil: str
) -> None:
    if spoil == "mode":
        time_server.mode = 3
    elif spoil == "stratum":
        time_server.stratum = 0
    else:
        time_server.repeats_nonce = False
    node = lab.new_node("smart_bin", ntp=["127.0.0.1", time_server.port])
    node.at(UNSET_S)
    with power(node):
        began = time.monotonic()
        while "clock_not_set" not in node.log():
            assert time.monotonic() - began < 15, node.log()
            time.sleep(0.05)
        assert lab.server.heard == []


def test_a_lamp_without_time_burns(lab: Lab) -> None:
    node = lab.new_node("streetlight")
    node.at(UNSET_S)
    node.word["line_fd"] = 1
    with power(node):
        began = time.monotonic()
        while '"level": 100' not in node.log() or "clock_not_set" not in node.log():
            assert time.monotonic() - began < 10, node.log()
            time.sleep(0.02)
        assert not any(heard.code == messages.BOOTED for heard in lab.server.heard)


def test_a_time_that_has_been_is_never_told_again(lab: Lab, time_server: TimeServer) -> None:
    node = lab.new_node("smart_bin", ntp=["127.0.0.1", time_server.port])
    node.at(UNSET_S)
    with power(node):
        lab.server.wait(lambda message: message.channel == "report")
        node.cut()
        floor_s = int.from_bytes(node.stored("time")[:4], "big")
        assert abs(floor_s - time.time()) < 60
        # A year back, when a stolen certificate was still good.
        time_server.tells_s -= 365 * 86400
        lab.server.forget()
        node.at(UNSET_S)
        node.start()
        node.wait_log("time_before_floor")
        assert lab.server.heard == []
        time_server.tells_s += 365 * 86400
        lab.server.wait(lambda message: message.channel == "report")


def test_a_time_that_no_certificate_has_seen_is_no_floor(lab: Lab, time_server: TimeServer) -> None:
    node = lab.new_node("smart_bin", ntp=["127.0.0.1", time_server.port], broker_port=9)
    time_server.tells_s += 20 * 365 * 86400
    node.at(UNSET_S)
    with power(node):
        node.wait_log("session: ")
        assert not (node.folder / "state" / "time").exists()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_program_that_hangs_is_killed_by_its_watchdog(runtime: str, tmp_path: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin" / runtime), str(PROGRAMS / "hangs.py")],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{ROOT}:{DEVICE}:.frozen"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout == "hangs\n"
    assert done.returncode == -signal.SIGALRM
    assert time.monotonic() - began >= 2.0
