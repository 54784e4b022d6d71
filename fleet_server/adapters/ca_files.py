"""The CA's files: `ca/` (issuing CA, the server's own certificates), `offline/` (root key).

offline/root.key                 only here; an operator carries it away
ca/root.pem ca/issuing.pem ca/issuing.key ca/chain.pem (issuing + root)
ca/<name>.pem ca/<name>.key      broker, node-port (server); server-ingest,
                                 server-command (client)
"""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleet_server.adapters.files import SECRET_MODE, make_folder, write_file
from fleet_server.errors import SettingsError
from fleet_server.provisioning.ca import Authority, Use, issue, make_issuing, make_root, new_key
from fleet_server.settings import Settings

INGEST = "server-ingest"
COMMAND = "server-command"
BROKER = "broker"
NODE_PORT = "node-port"
# Renewed by `init` in their last year; nothing else depends on their keys.
SERVER_DAYS = 5 * 365
RENEW_BEFORE_S = 365 * 86400


def prepare(settings: Settings, now_s: int) -> None:
    """Makes what is missing: root, issuing CA, the server's certificates. Changes nothing else."""
    folder = settings.ca_folder
    for path in (folder, settings.offline_folder):
        make_folder(path)
    if not (folder / "issuing.pem").exists():
        _make_authorities(settings, now_s)
    issuing = load_issuing(settings)
    hosts = _hosts(settings)
    for name in (BROKER, NODE_PORT):
        _make_leaf(folder, issuing, name, Use.SERVER, now_s, hosts)
    for name in (INGEST, COMMAND):
        _make_leaf(folder, issuing, name, Use.CLIENT, now_s, ())


def load_issuing(settings: Settings) -> Authority:
    """The issuing CA.

    Raises:
        SettingsError: the data folder was not initialised.
    """
    folder = settings.ca_folder
    try:
        certificate = x509.load_pem_x509_certificate((folder / "issuing.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "issuing.key").read_bytes(), None)
    except FileNotFoundError:
        raise SettingsError(
            f"{settings.data} has no CA yet; run the verb init on it first."
        ) from None
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Authority(certificate, key)


def certificate_pem(settings: Settings, name: str) -> str:
    """A certificate of `ca/` as text."""
    return (settings.ca_folder / f"{name}.pem").read_text()


def _make_authorities(settings: Settings, now_s: int) -> None:
    folder = settings.ca_folder
    root = make_root(now_s)
    issuing = make_issuing(root, now_s)
    # issuing.pem last: as long as it is missing, the next start begins anew.
    write_file(settings.offline_folder / "root.key", _key_pem(root.key), SECRET_MODE)
    write_file(folder / "root.pem", _pem(root.certificate))
    write_file(folder / "issuing.key", _key_pem(issuing.key), SECRET_MODE)
    write_file(folder / "chain.pem", _pem(issuing.certificate) + _pem(root.certificate))
    write_file(folder / "issuing.pem", _pem(issuing.certificate))


def _make_leaf(
    folder: Path,
    issuing: Authority,
    name: str,
    use: Use,
    now_s: int,
    hosts: tuple[str, ...],
) -> None:
    path = folder / f"{name}.pem"
    if path.exists() and not _is_due(path, now_s, hosts):
        return
    key = new_key()
    leaf = issue(issuing, key.public_key(), name, use, now_s, SERVER_DAYS, hosts)
    path.unlink(missing_ok=True)
    write_file(folder / f"{name}.key", _key_pem(key), SECRET_MODE)
    # With the issuing CA, since a peer may trust the root alone.
    write_file(path, _pem(leaf) + _pem(issuing.certificate))


def _is_due(path: Path, now_s: int, hosts: tuple[str, ...]) -> bool:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    if certificate.not_valid_after_utc.timestamp() < now_s + RENEW_BEFORE_S:
        return True
    if not hosts:
        return False
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    present = {str(name.value) for name in names}
    return not set(hosts) <= present


def _hosts(settings: Settings) -> tuple[str, ...]:
    names = ["localhost", "127.0.0.1"]
    if settings.advertised_host not in names:
        names.append(settings.advertised_host)
    return tuple(names)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
