"""Stories of an update: orders that are followed, and orders that are refused by name."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ota.publish import encode_bundle, read_bundle
from protocols import messages
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.node import Node, bundle_of, power
from tests.unit.firmware.lab.releases import ReleaseManager
from tests.unit.firmware.lab.servers import Blobs

pytestmark = pytest.mark.sockets

NAME = "t-node"
KIND = "streetlight"


@pytest.fixture
def manager(tmp_path: Path, blobs: Blobs) -> ReleaseManager:
    """The release manager whom the node trusts."""
    return ReleaseManager(tmp_path, blobs)


@pytest.fixture
def node(lab: Lab, blobs: Blobs, manager: ReleaseManager) -> Node:
    """A node with trust and without power."""
    made = lab.new_node(KIND, download_port=blobs.port, trial_s=8)
    manager.entrust(made.folder)
    return made


def test_a_signed_release_is_tried_and_confirmed(
    lab: Lab, node: Node, manager: ReleaseManager
) -> None:
    with power(node):
        lab.server.desire(NAME, 1, {"update": manager.order(KIND, "1.1.0", 2)})
        detail = {"counter": 2, "version": "1.1.0"}
        assert lab.server.event(messages.UPDATE_DOWNLOADED) == detail
        node.wait_reset()
        trial = lab.server.event(messages.UPDATE_TRIAL)
        assert trial == {**detail, "attempts": 2}
        assert lab.server.event(messages.UPDATE_CONFIRMED) == detail
        facts = lab.server.state(lambda _, facts: facts["app"] == "1.1.0")
        assert (facts["counter"], facts["slot"], facts["error"]) == (2, "b", None)
        assert node.slots()["active"] == "b"
        node.cut()
        lab.server.forget()
        node.start()
        # The order still stands in the desired state; it is not worked on again.
        facts = lab.server.state(lambda version, _: version == 1)
        assert (facts["app"], facts["error"]) == ("1.1.0", None)
        assert not any(heard.code == messages.UPDATE_DOWNLOADED for heard in lab.server.heard)


Spoiler = Callable[[dict[str, Any], ReleaseManager], None]


def _altered_manifest(order: dict[str, Any], _: ReleaseManager) -> None:
    order["manifest"] = order["manifest"].replace(b'"1.1.0"', b'"1.1.1"')


def _altered_signature(order: dict[str, Any], _: ReleaseManager) -> None:
    signature = bytearray(order["signatures"][0][1])
    signature[40] ^= 1
    order["signatures"][0][1] = bytes(signature)


def _strange_key(order: dict[str, Any], _: ReleaseManager) -> None:
    order["signatures"][0][0] = "0123456789abcdef"


def _no_signature(order: dict[str, Any], _: ReleaseManager) -> None:
    order["signatures"] = []


def _malformed(order: dict[str, Any], manager: ReleaseManager) -> None:
    order["manifest"] = b'{"kind": "streetlight"}'
    order["signatures"] = [manager.sign(order["manifest"])]


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (_altered_manifest, "bad_signature"),
        (_altered_signature, "bad_signature"),
        (_strange_key, "unknown_key"),
        (_no_signature, "too_few_signatures"),
        (_malformed, "malformed_manifest"),
    ],
)
def test_a_wrongly_signed_release_is_refused_by_name(
    lab: Lab, node: Node, manager: ReleaseManager, blobs: Blobs, spoil: Spoiler, name: str
) -> None:
    order = manager.order(KIND, "1.1.0", 2)
    spoil(order, manager)
    with power(node):
        lab.server.desire(NAME, 1, {"update": order})
        assert lab.server.event(messages.UPDATE_REFUSED)["error"] == name
        lab.server.state(lambda v, facts: v == 1 and facts["error"] == f"update_{name}")
        assert blobs.requests == []
        # Neither a restart nor another desired state makes the node try again.
        node.cut()
        lab.server.forget()
        node.start()
        facts = lab.server.state(lambda version, _: version == 1)
        assert (facts["error"], facts["app"]) == (f"update_{name}", "1.0.0")
        lab.server.desire(NAME, 2, {"update": None})
        lab.server.state(lambda v, facts: v == 2 and facts["error"] is None)


def test_an_older_or_foreign_release_is_refused_by_name(
    lab: Lab, manager: ReleaseManager, blobs: Blobs
) -> None:
    node = lab.new_node(KIND, download_port=blobs.port, counter=5)
    manager.entrust(node.folder)
    with power(node):
        for version, order, name in (
            (1, manager.order(KIND, "0.9.0", 4), "older_counter"),
            (2, manager.order("smart_bin", "1.1.0", 6), "wrong_kind"),
            (3, manager.order(KIND, "1.1.0", 6, days=-1), "expired"),
        ):
            lab.server.desire(NAME, version, {"update": order})
            assert lab.server.event(messages.UPDATE_REFUSED)["error"] == name
            lab.server.forget()
        assert blobs.requests == []
        assert node.is_running()


def test_an_altered_blob_is_refused_and_a_repaired_one_taken(
    lab: Lab, node: Node, manager: ReleaseManager, blobs: Blobs
) -> None:
    order = manager.order(KIND, "1.1.0", 2)
    good = blobs.content[order["path"]]
    altered = bytearray(good)
    altered[len(altered) // 2] ^= 0x20
    blobs.content[order["path"]] = bytes(altered)
    with power(node):
        lab.server.desire(NAME, 1, {"update": order})
        refused = lab.server.event(messages.UPDATE_REFUSED)
        assert refused == {"counter": 2, "version": "1.1.0", "error": "hash_mismatch"}
        asked = len(blobs.requests)
        assert node.slots()["active"] == "a"
        # The same desired state again (a restart) does not download again.
        node.cut()
        lab.server.forget()
        node.start()
        lab.server.event(messages.UPDATE_REFUSED)
        assert len(blobs.requests) == asked
        blobs.content[order["path"]] = good
        lab.server.desire(NAME, 2, {"update": order})
        node.wait_reset()
        lab.server.event(messages.UPDATE_CONFIRMED)


def test_a_missing_blob_is_refused_after_some_tries(
    lab: Lab, node: Node, manager: ReleaseManager, blobs: Blobs
) -> None:
    order = manager.order(KIND, "1.1.0", 2)
    del blobs.content[order["path"]]
    with power(node):
        lab.server.desire(NAME, 1, {"update": order})
        assert lab.server.event(messages.UPDATE_REFUSED, 40)["error"] == "download_failed"
        assert 2 <= len(blobs.requests) <= 20


def test_a_download_goes_on_where_it_was_cut(
    lab: Lab, node: Node, manager: ReleaseManager, blobs: Blobs
) -> None:
    order = manager.order(KIND, "1.1.0", 2)
    blobs.cut_after = 5
    with power(node):
        lab.server.desire(NAME, 1, {"update": order})
        node.wait_reset()
        lab.server.event(messages.UPDATE_CONFIRMED)
    starts = [int((span or "=0").split("=")[1].split("-")[0]) for _, span in blobs.requests]
    # One block twice, none from the beginning; the first one last.
    assert starts.pop() == 0 < starts[0]
    assert starts == sorted(starts)
    assert len(starts) == len(set(starts)) + 1


def test_a_download_goes_on_after_a_power_cut(
    lab: Lab, node: Node, manager: ReleaseManager, blobs: Blobs
) -> None:
    order = manager.order(KIND, "1.1.0", 2)
    blobs.pause_s = 0.1
    with power(node):
        lab.server.desire(NAME, 1, {"update": order})
        blobs.wait_requests(6)
        node.cut()
        asked = len(blobs.requests)
        blobs.pause_s = 0.0
        node.start()
        node.wait_reset()
        lab.server.event(messages.UPDATE_CONFIRMED)
    first_after = int((blobs.requests[asked][1] or "=0").split("=")[1].split("-")[0])
    assert first_after >= 4 * 4096


def test_a_release_that_cannot_start_is_rolled_back(
    lab: Lab, node: Node, manager: ReleaseManager
) -> None:
    files = read_bundle(bundle_of(KIND, "1.1.0", 2))
    files["firmware/main.mpy"] = b"not bytecode"
    order = manager.order(KIND, "1.1.0", 2, bundle=encode_bundle(files))
    with power(node):
        lab.server.desire(NAME, 1, {"update": order})
        lab.server.event(messages.UPDATE_DOWNLOADED)
        for _ in range(4):
            node.wait_reset()
        refused = lab.server.event(messages.UPDATE_ROLLED_BACK)
        assert refused == {"counter": 2, "version": "1.1.0", "error": "rolled_back"}
        facts = lab.server.state(lambda _, facts: facts["error"] == "update_rolled_back")
        assert (facts["app"], facts["slot"]) == ("1.0.0", "a")
        assert node.slots() == {
            "active": "a",
            "trial": None,
            "attempts": 0,
            "rolled_back": None,
        }
        # It is not tried for ever.
        lab.server.event(messages.UPDATE_REFUSED)
        assert node.is_running()


def test_a_trial_without_the_servers_echo_goes_back(
    lab: Lab, node: Node, manager: ReleaseManager
) -> None:
    config_trial_s = 2
    node.change_config(trial_s=config_trial_s)
    lab.server.answers_echo = False
    with power(node):
        lab.server.desire(NAME, 1, {"update": manager.order(KIND, "1.1.0", 2)})
        for _ in range(4):
            node.wait_reset()
        lab.server.event(messages.UPDATE_ROLLED_BACK)
        assert node.slots()["active"] == "a"


def test_a_trial_with_a_dead_meter_is_not_confirmed(
    lab: Lab, node: Node, manager: ReleaseManager
) -> None:
    node.change_config(trial_s=6)
    with power(node):
        lab.server.event(messages.BOOTED)
        node.word["set"] = {"sensor_fault": "meter"}
        lab.server.desire(NAME, 1, {"update": manager.order(KIND, "1.1.0", 2)})
        node.wait_reset()
        lab.server.event(messages.UPDATE_TRIAL)
        node.wait_reset()
        codes = {heard.code for heard in lab.server.heard}
        assert messages.ECHO_REQUEST not in codes
        assert messages.UPDATE_CONFIRMED not in codes


def test_the_path_must_name_what_was_signed(lab: Lab, node: Node, manager: ReleaseManager) -> None:
    order = manager.order(KIND, "1.1.0", 2)
    other = manager.order(KIND, "1.2.0", 3)
    order["path"] = other["path"]
    with power(node):
        lab.server.desire(NAME, 1, {"update": order})
        name = lab.server.event(messages.UPDATE_REFUSED, 40)["error"]
        assert name in ("hash_mismatch", "download_failed")
        assert hashlib.sha256(b"").hexdigest() not in order["path"]
