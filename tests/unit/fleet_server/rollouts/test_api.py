"""Releases and rollouts over the real application, with model nodes that verify signatures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ota.publish import Application, describe_bundle, encode_bundle
from ota.release_file import Release, encode_release
from ota.signing import public_point, sign_manifest
from ota.verify.trust import key_id
from tests.support.clock import MACHINE_S
from tests.support.fleet_bench import Bench, fleet_bench

KEY = ec.derive_private_key(0xC1_7E_F1_EE_7, ec.SECP256R1())
THIEF = ec.derive_private_key(0xBAD_C0DE, ec.SECP256R1())
POINT = public_point(KEY)


@pytest.fixture
def signed(bench: Bench) -> Bench:
    """The bench with a trusted release key, on the server and in every node."""
    trust = {"threshold": 1, "keys": {key_id(POINT): POINT.hex()}}
    bench.settings.trust_path.write_text(json.dumps(trust))
    for node in bench.nodes.values():
        node.trust = {key_id(POINT): POINT}
    return bench


def make_release(
    version: str = "1.1.0",
    counter: int = 2,
    *,
    kind: str = "streetlight",
    key: ec.EllipticCurvePrivateKey = KEY,
    expires_s: int = MACHINE_S + 10**7,
) -> Release:
    bundle = encode_bundle({"firmware/version.mpy": version.encode() * 20})
    manifest = describe_bundle(bundle, Application(kind, version, counter), expires_s)
    return Release(manifest, [sign_manifest(manifest, key)], bundle)


def upload(bench: Bench, release: Release | bytes, role: str = "release_manager") -> Any:
    data = release if isinstance(release, bytes) else encode_release(release)
    files = {"file": ("a.release", data, "application/octet-stream")}
    return bench.request("POST", "releases", role, files=files)


def start(bench: Bench, release_id: int) -> dict[str, Any]:
    found: dict[str, Any] = bench.post("rollouts", {"release_id": release_id}, "release_manager")
    return found


def act(bench: Bench, rollout: int, action: str) -> Any:
    return bench.request("POST", f"rollouts/{rollout}/{action}", "release_manager", json={})


def run(bench: Bench, rollout: int, seconds: int = 5) -> dict[str, Any]:
    """Lets a rollout go on for a while, or until it stops or ends."""
    found: dict[str, Any] = {}
    for _ in range(seconds):
        bench.settle()
        bench.pass_time(1)
        found = bench.get(f"rollouts/{rollout}")
        if found["state"] != "running":
            break
    return found


def test_a_signed_release_is_verified_and_listed(signed: Bench) -> None:
    status, release = upload(signed, make_release())
    assert (status, release["verified"], release["reason"]) == (201, True, None)
    assert (release["kind"], release["version"], release["counter"]) == ("streetlight", "1.1.0", 2)
    assert release["key_ids"] == [key_id(POINT)]
    assert signed.services.blobs.path(release["sha256"]) is not None
    assert [item["id"] for item in signed.get("releases")["releases"]] == [release["id"]]
    again = upload(signed, make_release())[1]
    assert again["id"] == release["id"], "the same upload is the same release"


def test_all_lamps_take_a_good_release_and_confirm_it(signed: Bench) -> None:
    release = upload(signed, make_release())[1]
    rollout = start(signed, release["id"])
    assert [phase["total"] for phase in rollout["phases"]] == [1, 3, 12]
    done = run(signed, rollout["id"])
    assert (done["state"], done["counts"]["confirmed"]) == ("finished", 16)
    assert {node.app for node in signed.nodes.values()} == {"1.1.0"}
    assert signed.get("rollouts")["rollouts"][0]["counts"]["confirmed"] == 16
    news = [item for item in signed.hub.of("rollout") if item["id"] == rollout["id"]]
    assert (news[0]["counts"]["pending"], news[-1]["counts"]["confirmed"]) == (16, 16)
    status, answer = signed.request(
        "POST", "rollouts", "release_manager", json={"release_id": release["id"]}
    )
    assert (status, answer["error"]["code"]) == (409, "nothing_to_do")


def test_a_forged_release_is_refused_by_the_canary_and_goes_no_further(signed: Bench) -> None:
    status, release = upload(signed, make_release("6.6.6", 9, key=THIEF))
    assert (status, release["verified"], release["reason"]) == (201, False, "unknown_key")
    rollout = start(signed, release["id"])
    found = run(signed, rollout["id"])
    assert (found["state"], found["reason"]) == ("paused", "canary_refused")
    (refused,) = [node for node in found["nodes"] if node["state"] == "refused"]
    assert (refused["phase"], refused["reason"]) == ("canary", "unknown_key")
    assert found["counts"]["pending"] == 15
    updated = [node for node in signed.nodes.values() if node.document.get("update")]
    assert len(updated) == 1, "nobody else was ever offered it"
    assert {node.app for node in signed.nodes.values()} == {"1.0.0"}


def test_an_altered_blob_is_refused_and_a_repaired_one_goes_on(signed: Bench) -> None:
    release = upload(signed, make_release())[1]
    blob = signed.services.blobs.path(release["sha256"])
    assert isinstance(blob, Path)
    data = bytearray(blob.read_bytes())
    data[30] ^= 1
    blob.write_bytes(data)
    rollout = start(signed, release["id"])
    found = run(signed, rollout["id"])
    assert (found["state"], found["reason"]) == ("paused", "canary_refused")
    assert found["nodes"][0]["reason"] == "hash_mismatch"
    assert act(signed, rollout["id"], "resume")[0] == 200
    found = run(signed, rollout["id"])
    assert (found["state"], found["counts"]["pending"]) == ("paused", 15)
    upload(signed, make_release())
    act(signed, rollout["id"], "resume")
    found = run(signed, rollout["id"])
    assert (found["state"], found["counts"]["confirmed"]) == ("finished", 16)


def test_a_release_that_does_not_start_is_rolled_back_by_the_canary(signed: Bench) -> None:
    for node in signed.nodes.values():
        node.breaks = "1.1.0"
    rollout = start(signed, upload(signed, make_release())[1]["id"])
    found = run(signed, rollout["id"])
    assert (found["state"], found["reason"]) == ("paused", "canary_rolled_back")
    assert {node.app for node in signed.nodes.values()} == {"1.0.0"}


def test_silence_after_the_offer_is_a_failure_at_the_deadline(signed: Bench) -> None:
    for node in signed.nodes.values():
        node.answers = False
    rollout = start(signed, upload(signed, make_release())[1]["id"])
    signed.settle()
    signed.clock.machine_s += rollout["deadline_s"] - 1
    signed.look()
    assert signed.get(f"rollouts/{rollout['id']}")["state"] == "running"
    signed.clock.machine_s += 1
    signed.look()
    found = signed.get(f"rollouts/{rollout['id']}")
    assert (found["state"], found["reason"]) == ("paused", "canary_timed_out")
    assert found["counts"]["timed_out"] == 1


def test_a_server_killed_at_any_step_goes_on_where_it_was(signed: Bench) -> None:
    rollout = start(signed, upload(signed, make_release())[1]["id"])
    for _ in range(60):
        signed.restart()
        signed.workers.executor.step()
        signed.publish()
        signed.restart()
        signed.settle_nodes_without_telling()
        signed.restart()
        signed.workers.executor.step()
        if signed.get(f"rollouts/{rollout['id']}")["state"] == "finished":
            break
    found = signed.get(f"rollouts/{rollout['id']}")
    assert (found["state"], found["counts"]["confirmed"]) == ("finished", 16)
    offers = signed.get("commands?kind=update&limit=200")["commands"]
    assert sum(item["total"] for item in offers) == 16, "nobody was offered it twice"


def test_pause_and_resume_by_hand(signed: Bench) -> None:
    rollout = start(signed, upload(signed, make_release())[1]["id"])
    assert act(signed, rollout["id"], "pause")[1]["state"] == "paused"
    found = run(signed, rollout["id"], 3)
    assert (found["counts"]["pending"], found["reason"]) == (16, "by_hand")
    assert act(signed, rollout["id"], "pause")[0] == 409
    assert act(signed, rollout["id"], "resume")[1]["state"] == "running"
    assert run(signed, rollout["id"])["state"] == "finished"


def test_abort_takes_back_what_was_not_begun(signed: Bench) -> None:
    for node in signed.nodes.values():
        node.answers = False
    release = upload(signed, make_release())[1]
    rollout = start(signed, release["id"])
    signed.settle()
    aborted = act(signed, rollout["id"], "abort")[1]
    assert (aborted["state"], aborted["counts"]["pending"]) == ("aborted", 16)
    for node in signed.nodes.values():
        node.answers = True
    canary = aborted["nodes"][0]["node_id"]
    signed.settle()
    retained = signed.broker.retained[f"cf1/{canary}/down/desired"]
    node = signed.nodes[canary]
    signed.deliver(*node.take(retained, signed.city_s, signed.services.blobs.path))
    assert node.document["update"] is None
    assert node.app == "1.0.0"
    assert act(signed, rollout["id"], "resume")[0] == 409
    assert start(signed, release["id"])["state"] == "running", "another may begin"


def test_one_rollout_for_a_kind_at_a_time(signed: Bench) -> None:
    first = start(signed, upload(signed, make_release())[1]["id"])
    second = upload(signed, make_release("1.2.0", 3))[1]
    body = {"release_id": second["id"]}
    status, answer = signed.request("POST", "rollouts", "release_manager", json=body)
    assert (status, answer["error"]["code"]) == (409, "rollout_under_way")
    assert str(first["id"]) in answer["error"]["message"]


def test_a_rollout_reaches_its_kind_only(signed: Bench) -> None:
    bin_node = signed.add_node("bin-1", "smart_bin")
    bin_node.trust = {key_id(POINT): POINT}
    signed.deliver(*bin_node.connect(signed.city_s))
    rollout = start(signed, upload(signed, make_release(kind="smart_bin"))[1]["id"])
    assert [node["node_id"] for node in rollout["nodes"]] == ["bin-1"]
    assert run(signed, rollout["id"])["state"] == "finished"
    assert {node.app for name, node in signed.nodes.items() if name != "bin-1"} == {"1.0.0"}


def test_a_node_that_was_away_gets_its_turn_when_it_returns(signed: Bench) -> None:
    away = signed.nodes["hv-4"]
    signed.deliver(away.last_will(signed.city_s))
    rollout = start(signed, upload(signed, make_release())[1]["id"])
    found = run(signed, rollout["id"])
    assert (found["state"], found["counts"]["confirmed"]) == ("running", 15)
    signed.deliver(*away.connect(signed.city_s))
    assert run(signed, rollout["id"])["state"] == "finished"


def test_an_offer_that_the_node_cannot_read_counts_as_refused(signed: Bench) -> None:
    for node in signed.nodes.values():
        node.answers = False
    rollout = start(signed, upload(signed, make_release())[1]["id"])
    signed.settle()
    canary = signed.nodes[rollout["nodes"][0]["node_id"]]
    signed.deliver(canary.refuse(1, "oversized", signed.city_s))
    signed.workers.follower.follow()
    found = run(signed, rollout["id"], 1)
    assert (found["state"], found["nodes"][0]["reason"]) == ("paused", "oversized")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_a_release"),
        (b"\xa0", "not_a_release"),
        (b"not cbor at all", "not_a_release"),
        (encode_release(make_release())[:-1], "not_a_release"),
        (encode_release(Release(b"{}", [], b"x")), "not_a_release"),
        (encode_release(make_release(kind="toaster")), "wrong_kind"),
    ],
    ids=["empty", "empty map", "text", "cut short", "no manifest", "no such kind"],
)
def test_what_is_no_release_is_refused(signed: Bench, data: bytes, code: str) -> None:
    status, answer = upload(signed, data)
    assert (status, answer["error"]["code"]) == (422, code)
    assert answer["error"]["field"] == "file"
    assert signed.get("releases")["releases"] == []


def test_a_server_in_earnest_refuses_what_it_cannot_verify(
    bench_template: Path, tmp_path: Path
) -> None:
    good = make_release()
    altered = Release(good.manifest, good.signatures, good.bundle[:-1] + b"!")
    unsigned = Release(good.manifest, [], good.bundle)
    with fleet_bench(tmp_path / "data", bench_template) as bench:
        assert upload(bench, good)[1]["error"]["code"] == "malformed_trust"
        trust = {"threshold": 1, "keys": {key_id(POINT): POINT.hex()}}
        bench.settings.trust_path.write_text(json.dumps(trust))
        cases = [
            (altered, "hash_mismatch"),
            (unsigned, "too_few_signatures"),
            (make_release(key=THIEF), "unknown_key"),
            (make_release(expires_s=MACHINE_S), "expired"),
        ]
        for release, name in cases:
            status, answer = upload(bench, release)
            assert (status, answer["error"]["code"]) == (422, name)
        assert bench.get("releases")["releases"] == []
        assert upload(bench, good)[0] == 201


def test_only_release_managers_release_and_every_write_is_audited(signed: Bench) -> None:
    release = make_release()
    for role in ("viewer", "operator", "technician"):
        assert upload(signed, release, role)[0] == 403
    number = upload(signed, release)[1]["id"]
    body = {"release_id": number}
    assert signed.request("POST", "rollouts", "operator", json=body)[0] == 403
    rollout = start(signed, number)["id"]
    for action in ("pause", "resume", "abort"):
        path = f"rollouts/{rollout}/{action}"
        assert signed.request("POST", path, "operator", json={})[0] == 403
        assert signed.send("POST", path, json={}).status_code == 401
        assert act(signed, rollout, action)[0] == 200
    assert signed.request("POST", "rollouts", "release_manager", json={"release_id": 99})[0] == 404
    assert act(signed, 99, "pause")[0] == 404
    entries = signed.request("GET", "audit", "administrator")[1]["entries"]
    actions = [entry["action"] for entry in entries if entry["actor"] == "release_manager"]
    assert [name for name in actions if not name.startswith("session.")] == [
        "rollout.abort",
        "rollout.resume",
        "rollout.pause",
        "rollout.start",
        "release.upload",
    ]
