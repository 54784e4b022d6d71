"""Stories of links: a key that is wrong, a modem that hangs, a network without a server."""

import socket
import struct
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from protocols import messages
from protocols.fields import fields_of
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node, power
from tests.unit.firmware.lab.servers import Heard
from tests.unit.firmware.runner import RUNTIMES, run_device

pytestmark = pytest.mark.sockets
# 2026-11-20, an hour after dusk at Pleiku.
NIGHT_S = 1795175100
both = pytest.mark.parametrize("runtime", RUNTIMES)


class NameServer:
    """A small DNS server: good.example, slow.example at the second try; mute.example never."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self._asked: dict[bytes, int] = {}
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
                question, address = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            name = question[13 : 13 + question[12]]
            self._asked[name] = self._asked.get(name, 0) + 1
            if name == b"good":
                self._socket.sendto(_answer(question, 7), address)
            elif name == b"none":
                self._socket.sendto(question[:2] + b"\x81\x83" + question[4:], address)
            elif name == b"slow" and self._asked[name] == 2:
                forged = bytes((question[0] ^ 1,)) + question[1:]
                self._socket.sendto(_answer(forged, 66), address)
                self._socket.sendto(_answer(question, 6), address)


def _answer(question: bytes, last: int) -> bytes:
    head = question[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, 1, 0, 0)
    record = struct.pack(">HHHIH4B", 0xC00C, 1, 1, 60, 4, 10, 9, 8, last)
    return head + question[12:] + record


@pytest.fixture
def name_server() -> Generator[NameServer]:
    """A running name server."""
    server = NameServer()
    try:
        yield server
    finally:
        server.close()


def test_links_come_up_or_name_what_is_missing(tmp_path: Path) -> None:
    run_device("links", "micropython-i386", tmp_path, kind="smart_bin").check()


@both
def test_whatever_a_modem_says_is_an_answer_or_a_silence(runtime: str, tmp_path: Path) -> None:
    run_device("at_dialogue", runtime, tmp_path, kind="smart_bin").check()


@both
def test_names_are_found_while_the_lamp_goes_on(
    runtime: str, tmp_path: Path, name_server: NameServer
) -> None:
    run_device("names", runtime, tmp_path, str(name_server.port)).check()


def test_a_wrong_wifi_key_keeps_a_node_out_and_the_right_one_lets_it_in(lab: Lab) -> None:
    node = lab.new_node("streetlight", wifi={"name": "city", "key": "wrong horse"})
    node.word["wifi_key"] = "right horse"
    node.word["line_fd"] = 1
    node.at(NIGHT_S)
    with power(node):
        # The lamp burns meanwhile, and the radio is tried again and again.
        node.wait_log("wifi_not_joined: wrong_password", 40)
        assert '"level": 100' in node.log()
        assert lab.server.heard == []
        node.cut()
        node.change_config(wifi={"name": "city", "key": "right horse"})
        node.start()
        lab.server.event(messages.BOOTED)
        report = lab.server.wait(lambda heard: heard.channel == "report")
        assert -70 < value_of(report, "rssi_dbm") < -50


def value_of(report: Heard, name: str) -> int:
    """A scaled value of a report."""
    names = [field[0] for field in fields_of(report.parts[0])]
    return report.parts[4][names.index(name)]


def give_modem(node: Node) -> None:
    """A modem beside what the board has."""
    bus = {"uart1": {"tx": 4, "rx": 13, "baud": 115200}}
    node.add_part("modem", bus, part="sim7600", bus="uart1", power_key=18, reset=14, boot_ms=1000)


def test_a_modem_that_hangs_is_power_cycled(lab: Lab) -> None:
    node = lab.new_node("smart_bin", cellular={"apn": "m3-world"})
    give_modem(node)
    node.word["set"] = {"modem": "hang"}
    with power(node):
        node.wait_log("modem_silent", 30)
        node.set("modem", None)
        # Taking the call down does not help; taking its power does.
        node.wait_log("mending: link", 30)
        node.wait_log("modem: power cycle", 30)
        report = lab.server.wait(lambda heard: heard.channel == "report", 60)
        assert value_of(report, "rssi_dbm") == -77
        assert "mending: reset" not in node.log()
        mended = lab.server.event(messages.LINK_MENDED)
        assert (mended["reason"], mended["rung"]) == ("modem_silent", "modem")


def test_a_network_without_an_answer_is_mended_rung_by_rung(lab: Lab) -> None:
    node = lab.new_node("smart_bin", cellular={"apn": "m3-world"})
    give_modem(node)
    # An address that no packet can be sent to: the call stands and nothing comes of it.
    node.change_config(broker=["255.255.255.255", 8883])
    with power(node):
        node.wait_log("mending: link", 60)
        node.wait_log("mending: modem", 60)
        log = node.log()
        assert log.index("link_down") < log.index("mending: link") < log.index("mending: modem")
        assert log[: log.index("mending: link")].count("link_down") == 4
        assert lab.server.heard == []


@pytest.mark.parametrize(
    "link",
    [
        {"wifi": {"name": "", "key": "right horse"}},
        {"wifi": {"name": "city"}},
        {"wifi": {"name": "city", "key": "x", "more": 1}},
        {"wifi": "city"},
        {"lan": {"phy": 1}},
        {"cellular": {}},
        {"cellular": {"apn": 'm3"\r\nAT+CFUN=0'}},
        {"cellular": {"apn": "m3-world", "user": "me"}},
        {"wifi": {"name": "city", "key": "right horse"}, "lan": {}},
        {"ntp": ["127.0.0.1"]},
        {"ntp": ["127.0.0.1", 70000]},
    ],
)
def test_a_link_that_makes_no_sense_leaves_the_last_good_configuration(
    lab: Lab, link: dict[str, object]
) -> None:
    node = lab.new_node("smart_bin")
    with power(node):
        lab.server.wait(lambda heard: heard.channel == "state")
        node.cut()
        node.change_config(**link)
        lab.server.forget()
        node.start()
        lab.server.state(lambda _version, facts: facts["error"] == "config_damaged")
