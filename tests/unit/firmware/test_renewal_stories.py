"""Stories of a certificate that ends: renewed in time, refused, cut short, and too late."""

import hashlib
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from protocols import messages
from protocols.limits import MARK_BYTES
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.authority import Authority, Identity
from tests.unit.firmware.lab.node import Node, power

pytestmark = pytest.mark.sockets

NAME = "t-node"


@pytest.fixture
def node(lab: Lab) -> Node:
    """A bin in the last weeks of its certificate, which looks at it every second."""
    made = lab.new_node("smart_bin", renew_check_s=1)
    give(made, lab.authority.issue(NAME, days=10))
    return made


def give(node: Node, identity: Identity) -> None:
    """What a technician writes."""
    (node.folder / "identity" / "key.der").write_bytes(identity.key_der())
    (node.folder / "identity" / "cert.der").write_bytes(identity.der())


def asked(lab: Lab) -> bytes:
    """The request that the server hears."""
    return lab.server.event(messages.CERTIFICATE_REQUESTED)["request"]


def answer(lab: Lab, request: bytes, certificate: bytes | None, reason: str | None = None) -> None:
    """The server's answer to a request."""
    mark = hashlib.sha256(request).digest()[:MARK_BYTES]
    payload = messages.encode_certificate(mark, certificate, reason)
    lab.server.publish(NAME, "certificate", payload)


def failure(lab: Lab, error: str) -> None:
    """The node names what went wrong with its renewal."""
    lab.server.wait(
        lambda heard: (
            heard.code == messages.CERTIFICATE_RENEWAL_FAILED and heard.parts[5]["error"] == error
        )
    )


def reaches(lab: Lab, version: int) -> None:
    """A desired state goes down and its version comes back."""
    lab.server.desire(NAME, version, {"report_s": 1})
    lab.server.state(lambda reached, _: reached == version)


def wait_log(node: Node, text: str, count: int = 1) -> None:
    """Wait until the node has said something so often."""
    began = time.monotonic()
    while node.log().count(text) < count:
        assert time.monotonic() - began < 20, node.log()
        time.sleep(0.05)


def test_a_certificate_is_renewed_on_a_live_node(lab: Lab, node: Node) -> None:
    # In an ESP32's heap, beside which the simulated board lies.
    node.runtime = "micropython-i386"
    # What a plain ESP32 gives Python, and the simulated parts that lie in the same heap here.
    node.heap = "190k"
    before = (node.folder / "identity" / "key.der").read_bytes()
    with power(node):
        request = asked(lab)
        parsed = x509.load_der_x509_csr(request)
        assert parsed.is_signature_valid
        assert isinstance(parsed.public_key(), ec.EllipticCurvePublicKey)
        answer(lab, request, lab.authority.answer(request))
        told = lab.server.event(messages.CERTIFICATE_RENEWED)
        assert told["not_after_s"] > time.time() + 300 * 86400
        reaches(lab, 1)
        assert "session present" in node.log()
    folder = node.folder / "identity"
    assert (folder / "renewed").exists()
    assert not (folder / "trial").exists()
    assert not (folder / "pending").exists()
    # What was provisioned is not touched, and no longer needed.
    assert (folder / "key.der").read_bytes() == before
    give(node, Authority().issue(NAME, days=1))
    lab.server.forget()
    with power(node):
        reaches(lab, 2)
        time.sleep(2.5)
        assert all(heard.code != messages.CERTIFICATE_REQUESTED for heard in lab.server.heard)


def test_an_answer_that_comes_while_the_node_has_no_power_is_taken_later(
    lab: Lab, node: Node
) -> None:
    with power(node):
        request = asked(lab)
    answer(lab, request, lab.authority.answer(request))
    with power(node):
        lab.server.event(messages.CERTIFICATE_RENEWED)


def test_power_that_goes_before_the_new_certificate_is_shown(lab: Lab, node: Node) -> None:
    with power(node):
        request = asked(lab)
        answer(lab, request, lab.authority.answer(request))
        began = time.monotonic()
        while not (node.folder / "identity" / "trial.twin").exists():
            assert time.monotonic() - began < 10, node.log()
            time.sleep(0.001)
    assert "has worked" not in node.log()
    with power(node):
        lab.server.event(messages.CERTIFICATE_RENEWED)


def test_the_same_request_is_asked_again_until_it_is_answered(lab: Lab, node: Node) -> None:
    with power(node):
        first = asked(lab)
    lab.server.forget()
    with power(node):
        assert asked(lab) == first
        lab.server.forget()
        assert asked(lab) == first
        # Twice the same answer does no harm.
        certificate = lab.authority.answer(first)
        answer(lab, first, certificate)
        answer(lab, first, certificate)
        lab.server.event(messages.CERTIFICATE_RENEWED)
        reaches(lab, 1)


def test_a_refusal_of_the_server_leaves_the_old_certificate(lab: Lab, node: Node) -> None:
    with power(node):
        request = asked(lab)
        answer(lab, request, None, "too_soon")
        failure(lab, "too_soon")
        lab.server.forget()
        # Another key, another request; an answer to the old one is no answer to it.
        again = asked(lab)
        assert again != request
        answer(lab, request, lab.authority.answer(request))
        wait_log(node, "an answer to no question of ours")
        reaches(lab, 1)


def test_a_certificate_of_another_key_is_not_taken(lab: Lab, node: Node) -> None:
    with power(node):
        request = asked(lab)
        answer(lab, request, lab.authority.issue(NAME).der())
        failure(lab, "certificate_mismatch")
        reaches(lab, 1)
        lab.server.publish(NAME, "certificate", b"garbage")
        wait_log(node, "renewal: truncated")
        assert node.is_running()


def test_a_new_certificate_that_the_broker_refuses_falls_back_to_the_old_one(
    lab: Lab, node: Node
) -> None:
    with power(node):
        request = asked(lab)
        answer(lab, request, Authority().answer(request))
        failure(lab, "certificate_refused")
        assert not (node.folder / "identity" / "trial").exists()
        reaches(lab, 1)
        assert "certificate_refused" in node.log()


def test_a_certificate_that_ended_while_the_node_was_away_is_named_until_it_is_replaced(
    lab: Lab, node: Node
) -> None:
    give(node, lab.authority.issue(NAME, days=-1))
    with power(node):
        wait_log(node, "certificate_expired")
        wait_log(node, "certificate_refused", 2)
        assert lab.server.heard == []
        assert node.is_running()
        # A technician was there; the node needs no restart.
        give(node, lab.authority.issue(NAME))
        failure(lab, "certificate_expired")
        reaches(lab, 1)
