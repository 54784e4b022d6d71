"""Enrolment over HTTP: tokens, one node, many nodes, and all that is refused."""

from typing import Any

import pytest
from cryptography import x509

from fleet_server.provisioning.ca import new_key
from fleet_server.telemetry.refusals import Message
from protocols import messages
from protocols.fields import KIND_CODES
from tests.support.data_folder import register_nodes
from tests.support.fleet_bench import Bench
from tests.unit.fleet_server.provisioning.test_ca import request_pem

PATH = "provisioning/enrol"
PLANNED = tuple(f"new-{number}" for number in range(1, 41))


@pytest.fixture(autouse=True)
def planned_nodes(bench: Bench) -> None:
    """Forty lamps that nobody has built in yet."""
    register_nodes(bench.database, *PLANNED, state="planned")


def token(bench: Bench, kind: str = "streetlight", count: int = 1, minutes: int = 60) -> str:
    body = {"kind": kind, "count": count, "minutes": minutes}
    return bench.post("provisioning/tokens", body, "technician")["token"]


def wish(node_id: str, token: str, kind: str = "streetlight", csr: str = "") -> dict[str, str]:
    csr = csr or request_pem([node_id])
    return {"token": token, "node_id": node_id, "kind": kind, "csr_pem": csr}


def enrol(bench: Bench, body: Any) -> tuple[int, Any]:
    answer = bench.send("POST", PATH, json=body)
    return answer.status_code, answer.json()


def test_a_node_gets_its_certificate_for_its_key(bench: Bench) -> None:
    key = new_key()
    status, body = enrol(bench, wish("new-1", token(bench), csr=request_pem(["new-1"], key)))
    assert status == 200
    leaf, issuing, root = (
        x509.load_pem_x509_certificate(body[name].encode())
        for name in ("certificate_pem", "chain_pem", "ca_pem")
    )
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)
    assert leaf.public_key() == key.public_key()
    assert body["broker"] == {"host": "127.0.0.1", "port": bench.settings.broker_port}
    assert body["download"] == {"host": "127.0.0.1", "port": bench.settings.node_port}
    node = bench.get("nodes/new-1")
    (kept,) = bench.get("nodes/new-1/certificates")["certificates"]
    assert node["certificate_serial"] == kept["serial"] == f"{leaf.serial_number:040x}"


def test_a_token_is_good_for_its_count_and_no_more(bench: Bench) -> None:
    word = token(bench, count=2)
    assert enrol(bench, wish("new-1", word))[0] == 200
    assert enrol(bench, wish("new-2", word))[0] == 200
    status, body = enrol(bench, wish("new-3", word))
    assert (status, body["error"]["code"]) == (422, "bad_token")
    (shown,) = bench.request("GET", "provisioning/tokens", "technician")[1]["tokens"]
    assert (shown["used"], shown["count"]) == (2, 2)
    assert word not in str(shown) and "sha256" not in str(shown)


def test_all_faults_of_a_token_look_the_same(bench: Bench) -> None:
    used, other_kind, old = token(bench), token(bench, kind="smart_bin"), token(bench, minutes=1)
    enrol(bench, wish("new-1", used))
    bench.clock.machine_s += 61
    answers = [
        enrol(bench, wish("new-2", word)) for word in (used, other_kind, old, "cfe_wrong", "")
    ]
    assert [status for status, _ in answers] == [422] * 5
    assert len({str(body) for _, body in answers}) == 1
    assert bench.get("nodes/new-2")["certificate_serial"] is None


def test_forty_nodes_at_once_in_their_order(bench: Bench) -> None:
    names = list(PLANNED)
    word = token(bench, count=len(names))
    status, answers = enrol(bench, [wish(name, word) for name in names])
    assert status == 200
    assert [answer["node_id"] for answer in answers] == names
    serials = {bench.get(f"nodes/{name}")["certificate_serial"] for name in names}
    assert len(serials) == len(names)


@pytest.mark.parametrize("fault", ["node", "csr", "kind", "count", "twice"])
def test_one_fault_in_a_list_and_nobody_is_enrolled(bench: Bench, fault: str) -> None:
    word = token(bench, count=3)
    wishes = [wish(name, word) for name in ("new-1", "new-2", "new-3")]
    match fault:
        case "node":
            wishes[2] = wish("no-such-node", word)
        case "csr":
            wishes[2] = wish("new-3", word, csr=request_pem(["new-4"]))
        case "kind":
            wishes[2] = wish("new-3", word, kind="reservoir")
        case "count":
            wishes.append(wish("new-4", word))
        case _:
            wishes[2] = wishes[0]
    status, body = enrol(bench, wishes)
    assert status in (404, 409, 422) and body["error"]["message"]
    assert bench.get("nodes/new-1")["certificate_serial"] is None
    (shown,) = bench.request("GET", "provisioning/tokens", "technician")[1]["tokens"]
    assert shown["used"] == 0, "a failed enrolment costs nothing of the token"


def test_a_node_at_work_is_not_enrolled_over(bench: Bench) -> None:
    # Of the bench's lamps this one has reported and is therefore commissioned.
    assert bench.get("nodes/hv-1")["state"] == "commissioned"
    status, body = enrol(bench, wish("hv-1", token(bench)))
    assert (status, body["error"]["code"]) == (409, "conflict")
    bench.post("nodes/hv-1/life", {"event": "replace"}, "technician")
    assert enrol(bench, wish("hv-1", token(bench)))[0] == 200
    assert bench.get("nodes/hv-1")["state"] == "provisioned"


def test_a_new_board_counts_its_boots_above_all_that_its_node_has_told(bench: Bench) -> None:
    lamp = KIND_CODES["streetlight"]
    data = messages.encode_event(lamp, 41, 7, bench.city_s, messages.BOOTED, {})
    bench.deliver(Message("cf1/hv-1/up/event", data))
    bench.post("nodes/hv-1/life", {"event": "replace"}, "technician")
    status, answer = enrol(bench, wish("hv-1", token(bench)))
    assert (status, answer["first_boot"]) == (200, 42)
    assert enrol(bench, wish("new-1", token(bench)))[1]["first_boot"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "toaster"},
        {"kind": "streetlight", "count": 0},
        {"kind": "streetlight", "count": 1001},
        {"kind": "streetlight", "minutes": 0},
        {"kind": "streetlight", "minutes": 10**6},
        {"kind": "streetlight", "count": "many"},
        {},
    ],
)
def test_bad_wishes_for_a_token_are_refused(bench: Bench, body: Any) -> None:
    status, answer = bench.request("POST", "provisioning/tokens", "technician", json=body)
    assert status == 422 and answer["error"]["field"]


def test_tokens_are_a_technicians_business(bench: Bench) -> None:
    for role in ("viewer", "operator", "release_manager"):
        answer = bench.request("POST", "provisioning/tokens", role, json={"kind": "reservoir"})
        assert answer[0] == 403


NONSENSE: list[Any] = [[], {}, "x", None, [1], [{}] * 501, {"token": "x" * 200}]


@pytest.mark.parametrize("body", NONSENSE)
def test_nonsense_is_refused(bench: Bench, body: Any) -> None:
    assert enrol(bench, body)[0] == 422


def test_an_enrolment_is_in_the_audit_with_its_token_and_without_its_key(bench: Bench) -> None:
    word = token(bench)
    enrol(bench, wish("new-1", word))
    entries = bench.request("GET", "audit?action=node.enrol", "administrator")[1]["entries"]
    assert entries[0]["target"] == "node:new-1"
    assert entries[0]["actor"].startswith("token:") and "technician" in entries[0]["actor"]
    assert word not in str(entries)
