"""The certificates' profile, and every bad request that a stranger may send."""

import datetime
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.errors import InvalidError
from fleet_server.provisioning.ca import (
    Authority,
    Use,
    check_request,
    issue,
    make_issuing,
    make_root,
    new_key,
)

NOW_S = 1_790_000_000
Kind = TypeVar("Kind", bound=x509.ExtensionType)
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def root() -> Authority:
    return make_root(NOW_S)


@pytest.fixture(scope="module")
def issuing(root: Authority) -> Authority:
    return make_issuing(root, NOW_S)


def request_pem(
    names: list[str], key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None
) -> str:
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    request = builder.sign(key or new_key(), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def extension(certificate: x509.Certificate, kind: type[Kind]) -> x509.Extension[Kind]:
    return certificate.extensions.get_extension_for_class(kind)


def test_root_and_issuing_ca_have_their_lengths_and_limits(
    root: Authority, issuing: Authority
) -> None:
    issuing.certificate.verify_directly_issued_by(root.certificate)
    root.certificate.verify_directly_issued_by(root.certificate)
    years = (root.certificate.not_valid_after_utc - root.certificate.not_valid_before_utc) / DAY
    assert 20 * 365 <= years <= 20 * 366
    for authority, length in ((root, 1), (issuing, 0)):
        constraints = extension(authority.certificate, x509.BasicConstraints)
        assert constraints.critical and constraints.value == x509.BasicConstraints(True, length)
        usage = extension(authority.certificate, x509.KeyUsage).value
        assert usage.key_cert_sign and usage.crl_sign and not usage.digital_signature
        assert isinstance(authority.key.curve, ec.SECP256R1)


def test_a_node_certificate_is_for_its_node_and_for_clients_alone(issuing: Authority) -> None:
    key = new_key()
    leaf = issue(issuing, key.public_key(), "pk-sl-001", Use.CLIENT, NOW_S, 825)
    leaf.verify_directly_issued_by(issuing.certificate)
    assert leaf.subject.rfc4514_string() == "CN=pk-sl-001"
    assert leaf.public_key() == key.public_key()
    assert extension(leaf, x509.BasicConstraints).value == x509.BasicConstraints(False, None)
    purposes = list(extension(leaf, x509.ExtendedKeyUsage).value)
    assert purposes == [ExtendedKeyUsageOID.CLIENT_AUTH]
    usage = extension(leaf, x509.KeyUsage).value
    assert usage.digital_signature and not usage.key_cert_sign
    begin = datetime.datetime.fromtimestamp(NOW_S, datetime.UTC)
    assert leaf.not_valid_before_utc == begin - DAY
    assert leaf.not_valid_after_utc == begin + 825 * DAY


def test_a_server_certificate_names_its_hosts(issuing: Authority) -> None:
    hosts = ("localhost", "127.0.0.1", "fleet.pleiku.vn")
    leaf = issue(issuing, new_key().public_key(), "broker", Use.SERVER, NOW_S, 10, hosts)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == list(hosts)
    assert list(extension(leaf, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_no_certificate_outlives_its_signer(issuing: Authority) -> None:
    leaf = issue(issuing, new_key().public_key(), "pk-sl-001", Use.CLIENT, NOW_S, 100 * 365)
    assert leaf.not_valid_after_utc == issuing.certificate.not_valid_after_utc


def test_serials_differ(issuing: Authority) -> None:
    key = new_key().public_key()
    leaves = [issue(issuing, key, "pk-sl-001", Use.CLIENT, NOW_S, 1) for _ in range(20)]
    assert len({leaf.serial_number for leaf in leaves}) == 20


def test_a_good_request_gives_its_key() -> None:
    key = new_key()
    assert check_request(request_pem(["pk-sl-001"], key), "pk-sl-001") == key.public_key()


def test_a_request_signed_by_another_key_is_refused() -> None:
    pem = request_pem(["pk-sl-001"])
    der = bytearray(x509.load_pem_x509_csr(pem.encode()).public_bytes(serialization.Encoding.DER))
    der[-3] ^= 1
    bad = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(InvalidError, match="not signed by its own key"):
        check_request(bad, "pk-sl-001")


@pytest.mark.parametrize(
    ("pem", "word"),
    [
        (request_pem(["pk-sl-002"]), "not for this node"),
        (request_pem([]), "not for this node"),
        (request_pem(["pk-sl-001", "pk-sl-001"]), "not for this node"),
        (request_pem(["pk-sl-001"], ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (request_pem(["pk-sl-001"], rsa.generate_private_key(65537, 2048)), "P-256"),
        ("", "not a certificate request"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "not a"),
        ("x" * 5000, "too long"),
    ],
)
def test_a_bad_request_is_refused_and_says_why(pem: str, word: str) -> None:
    with pytest.raises(InvalidError, match=word) as caught:
        check_request(pem, "pk-sl-001")
    assert caught.value.field == "csr_pem"


_GOOD = request_pem(["pk-sl-001"])


_ALTERED = st.builds(_GOOD.replace, st.sampled_from(_GOOD), st.text(max_size=2))


@given(st.text(max_size=300) | _ALTERED)
def test_any_text_is_a_request_or_refused(text: str) -> None:
    try:
        check_request(text, "pk-sl-001")
    except InvalidError:
        return
    assert "BEGIN CERTIFICATE REQUEST" in text or "BEGIN NEW CERTIFICATE REQUEST" in text
