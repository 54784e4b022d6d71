"""Stories of the connection: bad lines, wrong certificates, a half-open peer."""

import time
from collections.abc import Generator

import pytest

from protocols import messages
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.authority import Authority
from tests.unit.firmware.lab.node import Node, power
from tests.unit.firmware.lab.proxy import Proxy

pytestmark = pytest.mark.sockets

NAME = "t-node"


@pytest.fixture
def proxy(lab: Lab) -> Generator[Proxy]:
    """A proxy before the broker."""
    made = Proxy(lab.broker.port)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def node(lab: Lab, proxy: Proxy) -> Node:
    """A bin behind the proxy: it has the fewest readings."""
    return lab.new_node("smart_bin", broker_port=proxy.port)


def reaches(lab: Lab, version: int) -> None:
    """A desired state goes down and its version comes back."""
    lab.server.desire(NAME, version, {"report_s": 1})
    lab.server.state(lambda reached, _: reached == version)


def test_a_cut_connection_comes_back_with_its_session(lab: Lab, node: Node, proxy: Proxy) -> None:
    with power(node):
        reaches(lab, 1)
        for version in (2, 3):
            proxy.cut()
            reaches(lab, version)
        assert "session present" in node.log()


def test_bytes_in_crumbs_are_understood(lab: Lab, node: Node, proxy: Proxy) -> None:
    proxy.piece = 7
    with power(node):
        reaches(lab, 1)
        lab.server.desire(NAME, 2, {"calendar": _long_calendar()})
        lab.server.state(lambda reached, _: reached == 2)


def _long_calendar() -> dict[str, object]:
    steps = [[0, 60 * hour, 50, 0] for hour in range(24)]
    return {
        "programs": [steps] * 16,
        "rules": [[index % 16, 1 << index % 7, None, None] for index in range(64)],
        "utc_offset_min": 420,
    }


def test_a_slow_line_is_no_lost_line(lab: Lab, node: Node, proxy: Proxy) -> None:
    proxy.delay_s = 0.15
    with power(node):
        reaches(lab, 1)
        assert proxy.accepted == 1


def test_connections_cut_in_the_middle_of_packets_lose_nothing(
    lab: Lab, node: Node, proxy: Proxy
) -> None:
    with power(node):
        reaches(lab, 1)
        # Handshake and a little: each connection dies while something is on its way.
        proxy.cut_after = 2600
        proxy.cut()
        for version in range(2, 5):
            lab.server.desire(NAME, version, {"report_s": 1})
            time.sleep(1.5)
        proxy.cut_after = None
        proxy.cut()
        lab.server.state(lambda reached, _: reached == 4)
        assert proxy.accepted >= 3


def test_garbage_on_the_line_costs_one_connection(lab: Lab, node: Node, proxy: Proxy) -> None:
    with power(node):
        reaches(lab, 1)
        proxy.garbage_after = 0
        reaches(lab, 2)
        assert proxy.accepted >= 2
        assert node.is_running()


def test_a_half_open_connection_is_noticed(lab: Lab, node: Node, proxy: Proxy) -> None:
    node.change_config(ack_timeout_s=3)
    with power(node):
        reaches(lab, 1)
        proxy.is_mute = True
        began = time.monotonic()
        while "connection_lost: no acknowledgement" not in node.log():
            assert time.monotonic() - began < 15, node.log()
            time.sleep(0.1)
        proxy.is_mute = False
        reaches(lab, 2)


def test_a_broker_that_cannot_prove_itself_is_not_spoken_to(
    lab: Lab, node: Node, proxy: Proxy
) -> None:
    stranger = Authority()
    (node.folder / "identity" / "ca.der").write_bytes(stranger.root.der())
    with power(node):
        while proxy.accepted < 3:
            time.sleep(0.1)
        assert "server_not_trusted" in node.log()
        assert lab.server.heard == []
        assert node.is_running()


def test_a_node_whose_certificate_is_not_ours_keeps_trying(
    lab: Lab, node: Node, proxy: Proxy
) -> None:
    stranger = Authority().issue(NAME)
    (node.folder / "identity" / "key.der").write_bytes(stranger.key_der())
    (node.folder / "identity" / "cert.der").write_bytes(stranger.der())
    with power(node):
        while proxy.accepted < 3:
            time.sleep(0.1)
        assert "certificate_refused" in node.log()
        assert lab.server.heard == []
        assert node.is_running()


def test_an_expired_certificate_of_the_node_is_refused_by_the_broker(
    lab: Lab, node: Node, proxy: Proxy, authority: Authority
) -> None:
    expired = authority.issue(NAME, days=-2)
    (node.folder / "identity" / "key.der").write_bytes(expired.key_der())
    (node.folder / "identity" / "cert.der").write_bytes(expired.der())
    with power(node):
        while proxy.accepted < 3:
            time.sleep(0.1)
        assert "certificate_expired" in node.log()
        assert lab.server.heard == []


def test_a_missing_key_is_named_and_the_node_goes_on(lab: Lab, node: Node) -> None:
    (node.folder / "identity" / "key.der").unlink()
    with power(node):
        began = time.monotonic()
        while "identity_damaged: key.der is missing" not in node.log():
            assert time.monotonic() - began < 10, node.log()
            time.sleep(0.05)
        assert node.is_running()


def test_an_unknown_host_is_asked_again(lab: Lab, node: Node) -> None:
    node.change_config(broker=["no-such-host.invalid", 8883])
    with power(node):
        began = time.monotonic()
        while node.log().count("link_down") < 2:
            assert time.monotonic() - began < 20, node.log()
            time.sleep(0.05)


def test_events_that_waited_come_before_reports(lab: Lab, node: Node, proxy: Proxy) -> None:
    with power(node):
        reaches(lab, 1)
        lab.broker.stop()
        node.set("fire", True)
        time.sleep(4)
        lab.server.forget()
        lab.broker.start()
        lab.server.wait(lambda message: message.channel == "batch", 30)
        codes = [heard.code for heard in lab.server.heard]
        fire_at = codes.index(messages.FAULT_ON)
        batch_at = [heard.channel for heard in lab.server.heard].index("batch")
        assert fire_at < batch_at
