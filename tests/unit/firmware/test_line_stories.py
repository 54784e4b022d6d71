"""The session on bad lines: every cut, every cancellation, every sort of broken peer.

The session alone runs on the real MicroPython against a real Mosquitto (without TLS where a cut
has to fall between two bytes of MQTT), or against a peer that speaks what no broker would.
"""

import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from protocols import messages
from protocols.topics import down
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.peer import Peer
from tests.unit.firmware.lab.proxy import Proxy
from tests.unit.firmware.runner import RUNTIMES, run_device

pytestmark = pytest.mark.sockets

NAME = "t-node"
CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x05\x00\x01\x01\x01\x01"


@pytest.fixture
def proxy(lab: Lab) -> Generator[Proxy]:
    """A proxy before the broker's port without TLS."""
    made = Proxy(lab.broker.plain_port)
    try:
        yield made
    finally:
        made.close()


def line(
    folder: Path, port: int, mode: str, count: int, *more: str, runtime: str = RUNTIMES[0]
) -> tuple[dict[str, Any], str]:
    """What the session's program says at its end, and its log."""
    results = run_device("session_line", runtime, folder, str(port), mode, str(count), *more)
    results.check()
    return results.values["line"], results.errors


def numbers(lab: Lab) -> list[int]:
    """The numbered events that the server heard, in order and as often as it heard them."""
    return [heard.parts[5]["n"] for heard in lab.server.heard if heard.code == messages.FAULT_ON]


def all_heard(lab: Lab, count: int) -> None:
    """Every number has come, and after the first of each no older one was new."""
    lab.server.wait(lambda heard: heard.code == messages.FAULT_ON and heard.parts[5]["n"] == count)
    found = numbers(lab)
    assert set(found) == set(range(1, count + 1))
    first = list(dict.fromkeys(found))
    assert first == sorted(first)


@pytest.mark.parametrize("is_down", [False, True])
def test_a_cut_after_every_byte_loses_nothing(
    lab: Lab, proxy: Proxy, is_down: bool, tmp_path: Path
) -> None:
    most = 60 if is_down else 420
    proxy.cuts = [(is_down, place) for place in range(most)]
    # One way on 64 bits, the other on an ESP32's 32.
    said, log = line(tmp_path, proxy.port, "until", 600, runtime=RUNTIMES[is_down])
    all_heard(lab, 600)
    assert proxy.cuts == []
    assert said["in_flight"] == 0
    assert "Traceback" not in log


@pytest.mark.parametrize("is_secret", [False, True])
def test_cancelled_at_any_moment_it_leaves_no_socket_and_loses_nothing(
    lab: Lab, is_secret: bool, tmp_path: Path
) -> None:
    more: list[str] = []
    port = lab.broker.plain_port
    if is_secret:
        node = lab.new_node("smart_bin")
        more.append(str(node.folder / "identity"))
        port = lab.broker.port
    said, _ = line(tmp_path, port, "cancel", 30, *more)
    all_heard(lab, 30)
    assert said["moments"] > 15


def test_connections_that_arrive_in_another_order_lose_nothing(
    lab: Lab, proxy: Proxy, tmp_path: Path
) -> None:
    orders: list[int] = []

    def disturb() -> None:
        for _ in range(5):
            time.sleep(0.1)
            proxy.hold()
            # The node loses one connection after the other; the broker hears of none yet.
            began = time.monotonic()
            while proxy.held() < 3 and time.monotonic() - began < 3:
                proxy.cut_near()
                time.sleep(0.03)
            orders.append(proxy.held())
            proxy.release(reversed(range(proxy.held())))

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        line(tmp_path, proxy.port, "until", 24)
    finally:
        thread.join(60)
    all_heard(lab, 24)
    assert max(orders) >= 3


def test_connections_that_are_dropped_at_once_and_bytes_that_trickle(
    lab: Lab, proxy: Proxy, tmp_path: Path
) -> None:
    proxy.drops = 5
    proxy.piece = 1
    proxy.delay_s = 0.002
    said, log = line(tmp_path, proxy.port, "until", 6)
    all_heard(lab, 6)
    assert said["connections"] == 1 or proxy.accepted > 6
    assert "connection_lost" in log


def test_a_farewell_keeps_the_will_quiet_and_a_loss_does_not(
    lab: Lab, proxy: Proxy, tmp_path: Path
) -> None:
    line(tmp_path, proxy.port, "until", 2)
    time.sleep(0.3)
    assert all(heard.code != messages.OFFLINE for heard in lab.server.heard)
    # Without a farewell: the program ends where it stands.
    line(tmp_path, proxy.port, "stay", 5)
    lab.server.event(messages.OFFLINE)


def test_a_broker_that_forgot_the_session_is_subscribed_anew(lab: Lab, tmp_path: Path) -> None:
    _, log = line(tmp_path, lab.broker.plain_port, "until", 2)
    assert "session new" in log
    lab.server.desire(NAME, 3, {})
    said, log = line(tmp_path, lab.broker.plain_port, "until", 2)
    assert "session present" in log
    assert [heard[0] for heard in said["heard"]].count("desired") >= 1


class Script:
    """What a peer does with each connection, and what the session made of it."""

    def __init__(self, folder: Path, *steps: Any, tenths: int = 6) -> None:
        with Peer(*steps) as peer:
            results = run_device(
                "session_line", "micropython", folder, str(peer.port), "stay", str(tenths)
            )
        results.check()
        self.said: dict[str, Any] = results.values["line"]
        self.log = results.errors
        self.received = peer.received
        self.accepted = peer.accepted


def publish(payload: bytes, packet_id: int, *, again: bool = False, topic: str = "echo") -> bytes:
    """A PUBLISH of QoS 1 from the server."""
    name = down(NAME, topic).encode()
    body = len(name).to_bytes(2, "big") + name + packet_id.to_bytes(2, "big") + payload
    assert len(body) < 128
    return bytes((0x3A if again else 0x32, len(body))) + body


@pytest.mark.parametrize(
    ("bytes_sent", "error"),
    [
        (CONNACK + CONNACK, "mqtt_error"),
        (SUBACK, "mqtt_error"),
        (b"\x20\x02\x00\x05", "connection_refused: return code 5"),
        (b"\x20\x02\x00\x03", "connection_lost: return code 3"),
        (CONNACK + b"\x90\x05\x00\x01\x01\x80\x01", "connection_refused: subscription"),
        (CONNACK + b"\x36\x05\x00\x01t\x00\x01", "mqtt_error"),
        (CONNACK + b"\xf0\x00", "mqtt_error"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "mqtt_error"),
        (b"\x16\x03\x01\x02\x00", "mqtt_error"),
    ],
)
def test_a_peer_that_is_no_broker_is_named_and_left(
    bytes_sent: bytes, error: str, tmp_path: Path
) -> None:
    script = Script(tmp_path, ("read", 1), ("send", bytes_sent), ("wait", 9))
    assert error in script.log
    assert script.accepted > 1
    assert "Traceback" not in script.log


def test_a_message_that_comes_twice_is_acknowledged_twice(tmp_path: Path) -> None:
    sent = CONNACK + SUBACK + publish(b"x", 5) + publish(b"x", 5, again=True)
    script = Script(tmp_path, ("read", 1), ("send", sent), ("wait", 9))
    assert script.said["heard"][:2] == [["echo", 1], ["echo", 1]]
    assert script.received.count(b"\x40\x02\x00\x05") >= 2


def test_an_acknowledgement_that_never_comes_ends_the_connection(tmp_path: Path) -> None:
    # All but the first event are acknowledged, and pings are answered: still it is noticed.
    script = Script(tmp_path, ("read", 1), ("send", CONNACK), ("ack but", 2), tenths=25)
    assert "connection_lost: no acknowledgement" in script.log


def test_a_flood_holds_up_nothing_and_fills_no_memory(tmp_path: Path) -> None:
    # The peer never reads: the acknowledgements pile up until the session ends it.
    flood = publish(bytes(60), 9) * 200
    script = Script(tmp_path, ("send", CONNACK + SUBACK), ("flood", flood), tenths=20)
    assert script.accepted > 1
    assert "Traceback" not in script.log
    assert "connection_lost" in script.log


def test_a_quiet_connection_is_kept_alive(tmp_path: Path) -> None:
    script = Script(tmp_path, ("read", 1), ("send", CONNACK), ("ack", 0), tenths=15)
    # Keepalive is 2 s; half of it is up once by then.
    assert script.accepted == 1
    assert b"\xc0\x00" in script.received
    assert script.said["error"] == ""


def test_a_long_wait_for_a_mute_peer_is_no_good_connection(tmp_path: Path) -> None:
    # The pauses go on growing: they begin anew only after a connection that stood for a while.
    mute = Script(tmp_path, ("wait", 9), tenths=26)
    assert "connection_lost: the broker does not answer" in mute.log
    assert mute.said["resets"] == 0
    steps = (("read", 1), ("send", CONNACK), ("ack for", 13))
    assert Script(tmp_path, *steps, tenths=26).said["resets"] >= 1


def test_silence_after_the_connection_is_noticed(tmp_path: Path) -> None:
    steps = (("read", 1), ("send", CONNACK + SUBACK), ("wait", 9))
    script = Script(tmp_path, *steps, tenths=15)
    assert "connection_lost: no acknowledgement" in script.log
    # What was un-acknowledged is said again under its number.
    assert script.received.count(b"\xa1an\x01") >= 2
