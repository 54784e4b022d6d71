"""A certificate authority for a test: an offline root, an issuing CA, and who they vouch for."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def key_pem(self) -> bytes:
        """The private key as PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def key_der(self) -> bytes:
        """The private key as a node stores it."""
        form = PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(Encoding.DER, form, NoEncryption())

    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def der(self) -> bytes:
        """The certificate as a node stores it."""
        return self.certificate.public_bytes(Encoding.DER)


class Authority:
    """Root and issuing CA of one fleet."""

    def __init__(self) -> None:
        self.root = _make("test root", None, authority=True)
        self.issuing = _make("test issuing", self.root, authority=True)

    def issue(self, name: str, days: int = 365) -> Identity:
        """A certificate for a node or a server; with negative days it is expired."""
        return _make(name, self.issuing, days=days)

    def answer(self, request: bytes, days: int = 365) -> bytes:
        """The certificate (DER) that a node's request (DER) asks for."""
        asked = x509.load_der_x509_csr(request)
        assert asked.is_signature_valid
        name = asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        key = asked.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        builder = _builder(str(name), key, self.issuing, days=days)
        return builder.sign(self.issuing.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def chain_pem(self) -> bytes:
        """What a server believes: both CAs."""
        return self.issuing.pem() + self.root.pem()

    def write_server(self, folder: Path, name: str) -> tuple[Path, Path, Path]:
        """Files of a TLS server or client: (CA file, certificate with chain, key)."""
        identity = self.issue(name)
        paths = (folder / f"{name}.ca", folder / f"{name}.crt", folder / f"{name}.key")
        contents = (self.chain_pem(), identity.pem() + self.issuing.pem(), identity.key_pem())
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        return paths


def _make(
    name: str, issuer: Identity | None, *, authority: bool = False, days: int = 30
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, key.public_key(), issuer, authority=authority, days=days)
    return Identity(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def _builder(
    name: str,
    key: ec.EllipticCurvePublicKey,
    issuer: Identity | None,
    *,
    authority: bool = False,
    days: int,
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 60 * _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
    )
    if authority:
        return builder
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    return builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
