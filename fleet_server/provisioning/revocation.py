"""Which certificates are good no longer, as brokers and servers read it (RFC 5280, section 5).

Pure: serial numbers and times come in, a signed list goes out. Who publishes it is
`adapters/gate.py`; who decides is `service.py`.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fleet_server.errors import SettingsError
from fleet_server.provisioning.ca import Authority

_COMMON_NAME = bytes.fromhex("0603550403")
_SET, _SEQUENCE, _UTF8 = 0x31, 0x30, 0x0C


def revocation_list(
    issuing: Authority, revoked: Mapping[str, int], before: bytes | None = None
) -> bytes:
    """All revoked certificates of the fleet, as PEM.

    Args:
        issuing: the CA that issued them.
        revoked: serial number in hex -> machine time of the revocation.
        before: the list that this one follows; OpenSSL takes the newest of those it knows, by a
            time of whole seconds, so each is a second newer than the one before.
    """
    certificate = issuing.certificate
    issued = certificate.not_valid_before_utc
    if before is not None:
        last = x509.load_pem_x509_crl(before).last_update_utc
        issued = last + datetime.timedelta(seconds=1)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certificate.subject)
        .last_update(issued)
        # An old list refuses everybody. It is read from the disk on which it is written, so
        # there is nobody whose stale copy an early end would guard against.
        .next_update(certificate.not_valid_after_utc)
    )
    for serial, at_s in sorted(revoked.items()):
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(int(serial, 16))
            .revocation_date(datetime.datetime.fromtimestamp(at_s, datetime.UTC))
        )
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuing.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def revoked_serials(listed: bytes) -> frozenset[str]:
    """The serial numbers in a list, as the store writes them."""
    return frozenset(f"{entry.serial_number:040x}" for entry in x509.load_pem_x509_crl(listed))


def subject_hash(certificate: x509.Certificate) -> str:
    """The name under which OpenSSL looks for what a CA has signed, in a folder of such.

    Source: OpenSSL, X509_NAME_hash: SHA-1 of the name with its text in lower case and its spaces
    as one, the first four bytes little endian.

    Raises:
        SettingsError: a CA whose name is more than a short common name; ours never is.
    """
    parts = list(certificate.subject)
    text = " ".join(str(parts[0].value).split()).lower().encode() if parts else b""
    if len(parts) != 1 or parts[0].oid != NameOID.COMMON_NAME or len(text) > 100:
        raise SettingsError("The issuing CA's name is not one of ours.")
    name = _COMMON_NAME + bytes((_UTF8, len(text))) + text
    pair = bytes((_SEQUENCE, len(name))) + name
    digest = hashlib.sha1(bytes((_SET, len(pair))) + pair, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"
