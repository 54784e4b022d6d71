"""Release keys and what they sign. Runs on the release manager's machine, never on the server.

Owns private key files (PEM, PKCS#8, mode 0600, encrypted when there is a passphrase),
signatures and trust.json. Asking for a passphrase is the caller's business.

    point = create_key(folder / "release.key", passphrase)         # once
    write_trust(folder / "trust.json", [point], threshold=1)       # goes into every node
    key = load_key(folder / "release.key", passphrase)
    release = sign_release(manifest, bundle, [key])
    write_atomically(out / release_name(manifest), encode_release(release))

Signatures are deterministic (RFC 6979): the same release signed again has the same bytes,
and no weak random number can give the key away.
"""

import json
import os
import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ota.errors import KeyFileError
from ota.release_file import Release, check_release, write_atomically
from ota.verify.manifest import decode_manifest
from ota.verify.release import SIGNATURE_DOMAIN
from ota.verify.trust import check_trust, decode_trust, key_id

# The key file's own stretching is weak (2048 rounds), so the passphrase has to carry it.
MIN_PASSPHRASE_BYTES = 12


def create_key(path: Path, passphrase: bytes | None) -> bytes:
    """Make a release key and store its private half; never over an existing file.

    Args:
        path: The new private key file; its folder must exist.
        passphrase: At least MIN_PASSPHRASE_BYTES, or None for an unencrypted key (demo).

    Returns:
        The public point, 65 bytes, for write_trust.

    Raises:
        KeyFileError: the file exists, cannot be written, or the passphrase is too short.
    """
    if passphrase is not None and len(passphrase) < MIN_PASSPHRASE_BYTES:
        raise KeyFileError(f"the passphrase needs at least {MIN_PASSPHRASE_BYTES} characters")
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase),
    )
    _store_secret(path, pem)
    return public_point(key)


def load_key(path: Path, passphrase: bytes | None) -> ec.EllipticCurvePrivateKey:
    """Read a release key.

    Raises:
        KeyFileError: missing, readable by others, wrong or missing passphrase, no P-256 key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            pem = file.read()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    if mode & 0o077:
        raise KeyFileError(f"{path} is open to others (mode {mode:03o}): chmod 600 it")
    try:
        key = serialization.load_pem_private_key(pem, passphrase)
    except TypeError as error:
        needs = "is not encrypted, give no" if passphrase is not None else "needs a"
        raise KeyFileError(f"{path} {needs} passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path}: wrong passphrase, or not a private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise KeyFileError(f"{path} is not a P-256 key")
    return key


def public_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the uncompressed public point, 65 bytes."""
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def write_trust(path: Path, points: list[bytes], threshold: int) -> None:
    """Write trust.json, atomically.

    Raises:
        UpdateError: malformed_trust, for a threshold or a key that cannot be.
        KeyFileError: the file cannot be written.
    """
    keys = {key_id(point): point for point in points}
    check_trust(threshold, keys)
    document = {"threshold": threshold, "keys": {name: keys[name].hex() for name in sorted(keys)}}
    try:
        write_atomically(path, json.dumps(document, sort_keys=True).encode() + b"\n")
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error


def read_trust(path: Path) -> tuple[int, dict[str, bytes]]:
    """Read trust.json: threshold, and points by key id.

    Raises:
        UpdateError: malformed_trust.
        KeyFileError: the file cannot be read.
    """
    try:
        return decode_trust(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error


def sign_manifest(manifest: bytes, key: ec.EllipticCurvePrivateKey) -> tuple[str, bytes]:
    """Sign a manifest.

    Returns:
        Key id and signature: r and s of 32 bytes each, big endian.

    Raises:
        UpdateError: malformed_manifest: what no node could read is not signed.
    """
    decode_manifest(manifest)
    der = key.sign(
        SIGNATURE_DOMAIN + manifest, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    )
    r, s = decode_dss_signature(der)
    return key_id(public_point(key)), r.to_bytes(32, "big") + s.to_bytes(32, "big")


def sign_release(manifest: bytes, bundle: bytes, keys: list[ec.EllipticCurvePrivateKey]) -> Release:
    """Sign with every key, then check the result as a node would that trusts all of them.

    Raises:
        UpdateError: what a node would say; for instance that the manifest describes another
            bundle.
    """
    points = [public_point(key) for key in keys]
    signatures = [sign_manifest(manifest, key) for key in keys]
    release = Release(manifest, signatures, bundle)
    check_release(release, {key_id(point): point for point in points}, len(keys), None)
    return release


def release_name(manifest: bytes) -> str:
    """Return the usual name of the release file: `<kind>-<version>.release`."""
    fields = decode_manifest(manifest)
    return f"{fields['kind']}-{fields['version']}.release"


def _store_secret(path: Path, secret: bytes) -> None:
    """Write a new file that only its owner can read; whole, or not at all.

    The link fails where the name is taken, which a rename would not.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(secret)
                file.flush()
                os.fsync(descriptor)
            os.link(new, path)
        finally:
            new.unlink()
    except FileExistsError as error:
        raise KeyFileError(f"{path} exists already; a key is never overwritten") from error
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
