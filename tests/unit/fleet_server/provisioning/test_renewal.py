"""Renewal: who gets a certificate by MQTT, who does not, and what the operator sees of it."""

import asyncio
import hashlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet_server.adapters.ca_files import load_issuing
from fleet_server.ports import StoredBatch, StoredEvent
from fleet_server.provisioning import responder
from fleet_server.provisioning.ca import DAY_S, new_key
from fleet_server.provisioning.renewal import Answer, renew
from fleet_server.telemetry.refusals import Message
from protocols import messages
from protocols.fields import KIND_CODES
from protocols.limits import MARK_BYTES
from tests.support.fleet_bench import Bench
from tests.unit.fleet_server.provisioning.test_ca import request_pem

NODE = "hv-1"
OTHER = "hv-2"
LAMP = KIND_CODES["streetlight"]


def request_of(name: str = NODE, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """A request as a node sends it."""
    asked = x509.load_pem_x509_csr(request_pem([name], key).encode())
    return asked.public_bytes(serialization.Encoding.DER)


def say(bench: Bench, seq: int, code: int, detail: dict[str, Any], node: str = NODE) -> None:
    """A node says something."""
    data = messages.encode_event(LAMP, 9, seq, bench.city_s, code, detail)
    bench.deliver(Message(f"cf1/{node}/up/event", data))


def answers(bench: Bench) -> list[tuple[str, bytes, bytes | None, str | None]]:
    """Lets the server answer what waits: (topic, mark, certificate, reason) of each."""

    async def work() -> None:
        task = asyncio.create_task(bench.workers.renewals.run())
        await bench.workers.renewals.settled()
        task.cancel()

    before = len(bench.broker.published)
    bench.run(work())
    return [
        (topic, *messages.decode_certificate(payload))
        for topic, payload in bench.broker.published[before:]
    ]


def ask(
    bench: Bench, seq: int, request: bytes, node: str = NODE
) -> tuple[bytes | None, str | None]:
    """A node asks: (certificate, reason) of the one answer that it gets."""
    say(bench, seq, messages.CERTIFICATE_REQUESTED, {"request": request}, node)
    ((topic, mark, certificate, reason),) = answers(bench)
    assert topic == f"cf1/{node}/down/certificate"
    assert mark == hashlib.sha256(request).digest()[:MARK_BYTES]
    return certificate, reason


def decide(bench: Bench, request: bytes) -> Answer:
    """The rule's own answer."""
    authority = load_issuing(bench.settings)
    return renew(bench.database, bench.clock, authority, NODE, request, days=1, audit_refusal=False)


def audit(bench: Bench, action: str) -> list[dict[str, Any]]:
    """The audit's entries of an action."""
    return bench.request("GET", f"audit?action={action}", "administrator")[1]["entries"]


def test_a_node_gets_a_certificate_for_its_new_key(bench: Bench) -> None:
    key = new_key()
    data, reason = ask(bench, 1, request_of(key=key))
    assert reason is None
    assert data is not None
    certificate = x509.load_der_x509_certificate(data)
    assert certificate.public_key() == key.public_key()
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == NODE
    left_s = certificate.not_valid_after_utc.timestamp() - bench.clock.machine_s
    assert left_s == bench.settings.node_certificate_days * DAY_S
    (entry,) = audit(bench, "node.renew")
    assert (entry["actor"], entry["target"]) == (f"node:{NODE}", f"node:{NODE}")
    (kept,) = bench.get(f"nodes/{NODE}/certificates")["certificates"]
    assert entry["after"]["serial"] == kept["serial"]


def test_it_is_the_nodes_own_once_the_node_has_said_that_it_worked(bench: Bench) -> None:
    data, _ = ask(bench, 1, request_of())
    assert data is not None
    end_s = int(x509.load_der_x509_certificate(data).not_valid_after_utc.timestamp())
    assert bench.get(f"nodes/{NODE}")["certificate_not_after_s"] is None
    say(bench, 2, messages.CERTIFICATE_RENEWED, {"not_after_s": end_s - 1})
    answers(bench)
    assert bench.get(f"nodes/{NODE}")["certificate_not_after_s"] is None
    say(bench, 3, messages.CERTIFICATE_RENEWED, {"not_after_s": end_s})
    answers(bench)
    assert bench.get(f"nodes/{NODE}")["certificate_not_after_s"] == end_s


def test_a_word_that_the_killed_server_never_heard_is_found_at_its_start(bench: Bench) -> None:
    data, _ = ask(bench, 1, request_of())
    assert data is not None
    end_s = int(x509.load_der_x509_certificate(data).not_valid_after_utc.timestamp())
    say(bench, 2, messages.CERTIFICATE_RENEWED, {"not_after_s": end_s})
    bench.restart()
    answers(bench)
    assert bench.get(f"nodes/{NODE}")["certificate_not_after_s"] == end_s


def test_asked_again_the_same_certificate_comes_again(bench: Bench) -> None:
    request = request_of()
    first, _ = ask(bench, 1, request)
    again, _ = ask(bench, 2, request)
    assert first == again
    assert len(audit(bench, "node.renew")) == 1


def test_a_node_gets_one_new_certificate_a_day(bench: Bench) -> None:
    assert ask(bench, 1, request_of())[1] is None
    assert ask(bench, 2, request_of()) == (None, "too_soon")
    assert ask(bench, 3, request_of()) == (None, "too_soon")
    # A day's refusals are one entry.
    assert len(audit(bench, "node.renew_refused")) == 1
    bench.clock.machine_s += DAY_S
    assert ask(bench, 4, request_of())[1] is None
    # Another node has a day of its own.
    assert ask(bench, 5, request_of(OTHER), OTHER)[1] is None


def test_a_stolen_node_cannot_get_a_certificate_for_another_id(bench: Bench) -> None:
    assert ask(bench, 1, request_of(OTHER)) == (None, "bad_request")
    (entry,) = audit(bench, "node.renew_refused")
    assert (entry["target"], entry["after"]) == (f"node:{NODE}", {"reason": "bad_request"})
    assert bench.get(f"nodes/{OTHER}/certificates")["certificates"] == []


def test_a_retired_node_gets_none(bench: Bench) -> None:
    say(bench, 1, messages.CERTIFICATE_REQUESTED, {"request": request_of()})
    bench.post(f"nodes/{NODE}/life", {"event": "retire"}, "technician")
    ((_, _, certificate, reason),) = answers(bench)
    assert (certificate, reason) == (None, "not_enrolled")


def test_a_word_that_was_on_its_way_when_the_node_was_revoked_gets_none(bench: Bench) -> None:
    data, _ = ask(bench, 1, request_of())
    assert data is not None
    end_s = int(x509.load_der_x509_certificate(data).not_valid_after_utc.timestamp())
    done = bench.post(f"nodes/{NODE}/revoke", {"reason": "stolen"}, "technician")
    assert (done["revoked"], done["disconnected"]) == (1, True)
    assert bench.broker.put_out == [NODE]
    assert list(bench.broker.revoked.values()) == [bench.clock.machine_s]
    bench.clock.machine_s += 2 * DAY_S
    assert ask(bench, 2, request_of()) == (None, "not_enrolled")
    say(bench, 3, messages.CERTIFICATE_RENEWED, {"not_after_s": end_s})
    answers(bench)
    assert bench.get(f"nodes/{NODE}")["certificate_serial"] is None
    status, body = bench.request(
        "POST", f"nodes/{NODE}/revoke", "technician", json={"reason": "again"}
    )
    assert (status, body["error"]["code"]) == (409, "conflict")


def test_another_curve_and_a_foreign_signature_are_refused(bench: Bench) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NODE)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    other = builder.sign(ec.generate_private_key(ec.SECP384R1()), hashes.SHA256())
    # Longer than a node's event may carry, so it is not sent but put before the rule itself.
    refused = decide(bench, other.public_bytes(serialization.Encoding.DER))
    assert refused == Answer(None, "bad_request")
    forged = bytearray(request_of())
    forged[-1] ^= 1
    assert ask(bench, 2, bytes(forged)) == (None, "bad_request")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 230), value=st.integers(0, 255), cut=st.integers(1, 256))
def test_no_damaged_request_gets_a_certificate(
    bench: Bench, place: int, value: int, cut: int
) -> None:
    good = request_of()
    bad = bytearray(good)
    bad[place % len(bad)] = value
    damaged = bytes(bad[:cut])
    if damaged == good:
        return
    answer = decide(bench, damaged)
    assert answer.certificate is None


def test_odd_words_are_left_alone(bench: Bench) -> None:
    for seq, request in enumerate((None, "text", 7)):
        say(bench, seq, messages.CERTIFICATE_REQUESTED, {"request": request})
    say(bench, 3, messages.CERTIFICATE_REQUESTED, {})
    say(bench, 4, messages.BOOTED, {"request": b"x"})
    assert answers(bench) == []


def test_who_asks_a_thousand_times_stands_in_line_once(bench: Bench) -> None:
    for seq in range(1000):
        say(bench, seq, messages.CERTIFICATE_REQUESTED, {"request": b"%d" % seq})
    other = request_of(OTHER)
    say(bench, 1, messages.CERTIFICATE_REQUESTED, {"request": other}, OTHER)
    heard = answers(bench)
    assert [(topic.split("/")[1], reason) for topic, _, _, reason in heard] == [
        (NODE, "bad_request"),
        (OTHER, None),
    ]
    assert bench.workers.renewals.dropped == 0


def test_more_nodes_than_there_is_room_for_are_counted(bench: Bench) -> None:
    def asks(number: int) -> StoredEvent:
        detail = {"request": b"x"}
        code = messages.CERTIFICATE_REQUESTED
        return StoredEvent(f"n-{number}", LAMP, 1, 1, bench.city_s, 0, code, detail)

    # One place is taken by the look at what was said while no server ran.
    many = tuple(asks(number) for number in range(responder.WAITING + 2))
    bench.workers.renewals.take(StoredBatch(many))
    assert bench.workers.renewals.dropped == 3


def test_an_answer_survives_a_broker_that_is_away_for_a_moment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responder, "PAUSE_S", 0.01)
    request = request_of()
    bench.broker.connected = False
    say(bench, 1, messages.CERTIFICATE_REQUESTED, {"request": request})
    assert answers(bench) == []
    assert bench.workers.renewals.dropped == 1
    bench.broker.connected = True
    # The certificate that nobody heard of is the one that the next question brings.
    assert ask(bench, 2, request)[0] is not None
    assert len(bench.get(f"nodes/{NODE}/certificates")["certificates"]) == 1
