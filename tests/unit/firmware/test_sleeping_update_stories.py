"""Stories of a bin that is to be changed while it sleeps: a release, a certificate."""

import hashlib
from pathlib import Path

import pytest

from protocols import messages
from protocols.limits import MARK_BYTES
from tests.unit.boards.virtual.bench_runner import wait_until
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node
from tests.unit.firmware.lab.releases import ReleaseManager
from tests.unit.firmware.lab.servers import Blobs
from tests.unit.firmware.lab.sleeper import BIN, Asleep, asleep

pytestmark = pytest.mark.sockets

KIND = "smart_bin"


@pytest.fixture
def manager(tmp_path: Path, blobs: Blobs) -> ReleaseManager:
    """The release manager whom the bin trusts."""
    return ReleaseManager(tmp_path, blobs)


def heard(lab: Lab, code: int) -> int:
    """How many events of a code came."""
    return len([message for message in lab.server.heard if message.code == code])


def some_wakes(sleeper: Asleep) -> None:
    """Let three more reports be delivered."""
    before = len([wake for wake in sleeper.wakes() if wake[2]])
    wait_until(lambda: len([wake for wake in sleeper.wakes() if wake[2]]) >= before + 3)


def test_a_bin_stays_awake_for_its_release_and_sleeps_again(
    lab: Lab, tmp_path: Path, blobs: Blobs, manager: ReleaseManager
) -> None:
    def entrust(node: Node) -> None:
        manager.entrust(node.folder)

    settings = {"download_port": blobs.port, "trial_s": 20, "prepare": entrust}
    # Nothing of this fits into two seconds.
    blobs.pause_s = 0.1
    with asleep(lab, tmp_path, speed=300, awake_s=2, **settings) as sleeper:
        lab.server.wait(lambda message: message.channel == "report")
        wait_until(sleeper.sleeps)
        lab.server.desire(BIN, 1, {"update": manager.order(KIND, "1.1.0", 2)})
        detail = {"counter": 2, "version": "1.1.0"}
        assert lab.server.event(messages.UPDATE_DOWNLOADED, 40) == detail
        assert lab.server.event(messages.UPDATE_CONFIRMED, 30) == detail
        lab.server.state(lambda _, facts: facts["app"] == "1.1.0" and facts["sleep_s"] == 300)
        some_wakes(sleeper)
        # The order still stands in the desired state; no wake works on it again.
        assert heard(lab, messages.UPDATE_DOWNLOADED) == heard(lab, messages.UPDATE_CONFIRMED) == 1
        assert sleeper.bench.node(BIN)["crashes"] == 0
        assert heard(lab, messages.CRASHED) == 0


def test_a_bin_refuses_a_foreign_release_once_and_not_in_each_wake(
    lab: Lab, tmp_path: Path, blobs: Blobs, manager: ReleaseManager
) -> None:
    def entrust(node: Node) -> None:
        manager.entrust(node.folder)

    with asleep(lab, tmp_path, 300, download_port=blobs.port, prepare=entrust) as sleeper:
        lab.server.wait(lambda message: message.channel == "report")
        order = manager.order(KIND, "1.1.0", 2)
        order["signatures"][0][0] = "0123456789abcdef"
        lab.server.desire(BIN, 1, {"update": order})
        assert lab.server.event(messages.UPDATE_REFUSED)["error"] == "unknown_key"
        some_wakes(sleeper)
        assert heard(lab, messages.UPDATE_REFUSED) == 1
        lab.server.forget()
        # It goes on being named in each reported state.
        lab.server.state(lambda _, facts: facts["error"] == "update_unknown_key")


def test_a_sleeping_bin_renews_its_certificate(lab: Lab, tmp_path: Path) -> None:
    def age(node: Node) -> None:
        identity = lab.authority.issue(BIN, days=10)
        (node.folder / "identity" / "key.der").write_bytes(identity.key_der())
        (node.folder / "identity" / "cert.der").write_bytes(identity.der())

    with asleep(lab, tmp_path, 300, awake_s=2, renew_check_s=300, prepare=age) as sleeper:
        request = lab.server.event(messages.CERTIFICATE_REQUESTED, 30)["request"]
        mark = hashlib.sha256(request).digest()[:MARK_BYTES]
        certificate = lab.authority.answer(request)
        lab.server.publish(BIN, "certificate", messages.encode_certificate(mark, certificate, None))
        lab.server.wait(lambda message: message.code == messages.CERTIFICATE_RENEWED, 30)
        some_wakes(sleeper)
        assert heard(lab, messages.CERTIFICATE_RENEWED) == 1
        assert sleeper.bench.node(BIN)["crashes"] == 0
