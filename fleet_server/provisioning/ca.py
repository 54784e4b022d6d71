"""The fleet's certificate authority: an offline root, an online issuing CA.

All keys are P-256. The root signs the issuing CA once and is then carried
away; the issuing CA may sign leaves only (path length 0). Pure: keys and
times come in, certificates go out; files are `ca_store.py`.

Source: RFC 5280 (profile), RFC 5480 (P-256 keys in certificates).
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet_server.errors import InvalidError

ROOT_NAME = "Cityfleet root CA"
ISSUING_NAME = "Cityfleet issuing CA"
ROOT_DAYS = 20 * 365
ISSUING_DAYS = 10 * 365
DAY_S = 86400
# A node whose clock lags a little must still accept a certificate made today.
BACKDATE_S = DAY_S
# A P-256 request of ours has about 400 bytes.
CSR_CHARS = 4096


class Use(Enum):
    """What a leaf certificate may be used for."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA that can sign: its certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(now_s: int) -> Authority:
    """The self-signed root, 20 years."""
    key = new_key()
    name = _name(ROOT_NAME)
    builder = _builder(name, name, key.public_key(), now_s, ROOT_DAYS)
    builder = _as_authority(builder, key.public_key(), path_length=1)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def make_issuing(root: Authority, now_s: int) -> Authority:
    """The online CA, 10 years, which may sign leaves only."""
    key = new_key()
    builder = _builder(
        _name(ISSUING_NAME), root.certificate.subject, key.public_key(), now_s, ISSUING_DAYS
    )
    builder = _as_authority(builder, key.public_key(), path_length=0)
    builder = builder.add_extension(_issuer_key(root), critical=False)
    return Authority(builder.sign(root.key, hashes.SHA256()), key)


def issue(
    issuing: Authority,
    public_key: ec.EllipticCurvePublicKey,
    common_name: str,
    use: Use,
    now_s: int,
    days: int,
    hosts: tuple[str, ...] = (),
) -> x509.Certificate:
    """A leaf certificate.

    Args:
        issuing: the signer.
        public_key: P-256.
        common_name: the node id, or the server's own identity.
        use: clientAuth or serverAuth, never both.
        now_s: machine time; the certificate begins a day before it.
        days: how long from `now_s`, cut to the signer's own end.
        hosts: names and addresses of a server certificate.
    """
    builder = _builder(
        _name(common_name),
        issuing.certificate.subject,
        public_key,
        now_s,
        days,
        last=issuing.certificate.not_valid_after_utc,
    )
    purpose = (
        ExtendedKeyUsageOID.CLIENT_AUTH if use is Use.CLIENT else ExtendedKeyUsageOID.SERVER_AUTH
    )
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_leaf_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(_issuer_key(issuing), critical=False)
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False
        )
    return builder.sign(issuing.key, hashes.SHA256())


def check_request(csr_pem: str, node_id: str) -> ec.EllipticCurvePublicKey:
    """The public key of a node's certificate request, after checking all of it.

    Raises:
        InvalidError: not a request, not P-256, not self-signed, or for another name.
    """
    if len(csr_pem) > CSR_CHARS:
        raise InvalidError("The certificate request is too long.", field="csr_pem")
    return _checked(x509.load_pem_x509_csr, csr_pem.encode(), node_id)


def check_request_der(csr: bytes, node_id: str) -> ec.EllipticCurvePublicKey:
    """The same for a request as DER, as a node itself sends it.

    Raises:
        InvalidError: not a request, not P-256, not self-signed, or for another name.
    """
    return _checked(x509.load_der_x509_csr, csr, node_id)


def _checked(
    load: Callable[[bytes], x509.CertificateSigningRequest], data: bytes, node_id: str
) -> ec.EllipticCurvePublicKey:
    try:
        request = load(data)
        key = request.public_key()
        signed = request.is_signature_valid
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        subject = [str(name.value) for name in names]
        parts = len(list(request.subject))
    except Exception as error:
        # The parser meets a stranger's bytes: whatever it raises is the stranger's fault.
        raise InvalidError("This is not a certificate request.", field="csr_pem") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidError("The request's key is not on the curve P-256.", field="csr_pem")
    if not signed:
        raise InvalidError("The request is not signed by its own key.", field="csr_pem")
    if subject != [node_id] or parts != 1:
        raise InvalidError("The request is not for this node id alone.", field="csr_pem")
    return key


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now_s: int,
    days: int,
    last: datetime.datetime | None = None,
) -> x509.CertificateBuilder:
    end = _utc(now_s + days * DAY_S)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_utc(now_s - BACKDATE_S))
        .not_valid_after(end if last is None else min(end, last))
    )


def _as_authority(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePublicKey, path_length: int
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=path_length), critical=True
        )
        .add_extension(_authority_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _issuer_key(issuer: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def _leaf_usage() -> x509.KeyUsage:
    return _usage(digital_signature=True)


def _authority_usage() -> x509.KeyUsage:
    return _usage(key_cert_sign=True, crl_sign=True)


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _utc(at_s: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at_s, datetime.UTC)
