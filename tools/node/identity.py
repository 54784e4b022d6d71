"""A node's identity: a P-256 key made here, and the certificate that the fleet's CA gives it.

    key = new_key()
    answers = enrol(client, token, [Request("pk-sl-001", "streetlight", request_pem(key, ...))])

The private key stays in memory until the certificate is there, and is checked against it, so a
failure half-way leaves nothing behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocols.topics import is_node_id
from tools.client.http import FleetClient
from tools.errors import RefusedError, ServerFaultError, UsageError


@dataclass(frozen=True, slots=True)
class Request:
    """A node that asks for a certificate."""

    node: str
    kind: str
    csr_pem: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the fleet gave a board: certificates as DER, where to connect, how to count on."""

    certificate: bytes
    ca: bytes
    broker: tuple[str, int]
    download: tuple[str, int]
    first_boot: int


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new private key, in memory alone."""
    return ec.generate_private_key(ec.SECP256R1())


def key_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The private key as the node loads it: PKCS #8 in DER, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def request_pem(key: ec.EllipticCurvePrivateKey, node: str) -> str:
    """A certificate request with the node's id as common name, signed by its key.

    Raises:
        UsageError: the name is not a node id.
    """
    if not is_node_id(node):
        raise UsageError(
            f"{node!r} is no node id: 2 to 31 of a-z, 0-9 and '-', not beginning with 'server-'"
        )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def enrol(client: FleetClient, token: str, requests: Sequence[Request]) -> list[Enrolment]:
    """Exchanges an enrolment token and requests for certificates, in the same order.

    Raises:
        RefusedError: the token or a request is not good; nothing was issued.
        ToolError: the server cannot be asked.
    """
    body = [
        {"token": token, "node_id": item.node, "kind": item.kind, "csr_pem": item.csr_pem}
        for item in requests
    ]
    try:
        answers: list[dict[str, Any]] = client.post("provisioning/enrol", body)
        found = [_enrolment(answer) for answer in answers]
    except (KeyError, TypeError, ValueError) as error:
        raise ServerFaultError("the server's answer to the enrolment makes no sense") from error
    if len(found) != len(requests):
        raise ServerFaultError("the server enrolled another number of nodes than it was asked to")
    return found


def check_belongs(key: ec.EllipticCurvePrivateKey, enrolment: Enrolment, node: str) -> None:
    """Checks that a certificate is for this key and this node.

    Raises:
        RefusedError: it is somebody else's.
    """
    certificate = x509.load_der_x509_certificate(enrolment.certificate)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if [name.value for name in names] != [node] or certificate.public_key() != key.public_key():
        raise RefusedError(f"the server's certificate is not for {node}; nothing was written")


def _enrolment(answer: dict[str, Any]) -> Enrolment:
    broker, download = answer["broker"], answer["download"]
    return Enrolment(
        _der(answer["certificate_pem"]),
        _der(answer["ca_pem"]),
        (str(broker["host"]), int(broker["port"])),
        (str(download["host"]), int(download["port"])),
        int(answer["first_boot"]),
    )


def _der(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)
