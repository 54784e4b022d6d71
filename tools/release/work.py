"""Keys, builds and signatures of releases.

    make_key(folder / "release-key.pem", folder / "trust.json", None)
    built = build(Application("streetlight", "1.1.0", 2), Path("streetlight-1.1.0.release"), 365)
    sign(built, folder / "release-key.pem", None)

A release that was built and not yet signed is the same file with an empty list of signatures; no
server and no node takes it.
"""

import hashlib
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ota.errors import ReleaseError
from ota.publish import Application, build_bundle, default_cache, describe_bundle
from ota.release_file import Release, check_release, decode_release, encode_release
from ota.signing import create_key, load_key, public_point, read_trust, sign_manifest, write_trust
from ota.verify.errors import UpdateError
from ota.verify.manifest import decode_manifest
from ota.verify.release import check_signatures
from ota.verify.trust import key_id
from tools.errors import FileError
from tools.files import read_bytes, write_atomic

REPOSITORY = Path(__file__).resolve().parents[2]
DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Shown:
    """What a release file says of itself, and what a given trust file says of it."""

    fields: dict[str, Any]
    signed_by: tuple[str, ...]
    bundle_sha256: str
    verdict: str


@contextmanager
def plain_errors() -> Generator[None]:
    """Turns the errors of `ota` into lines for the user.

    Raises:
        FileError: a key, a release or a source is not as it must be.
    """
    try:
        yield
    except (ReleaseError, UpdateError) as error:
        raise FileError(str(error)) from error


def make_key(key_file: Path, trust_file: Path, passphrase: bytes | None) -> str:
    """Makes a release key and the trust file that nodes and server need; returns the key's id.

    Raises:
        FileError: one of the files exists already, or cannot be written.
    """
    if trust_file.exists():
        raise FileError(f"{trust_file} exists already; name another with --trust")
    key_file.parent.mkdir(parents=True, exist_ok=True)
    trust_file.parent.mkdir(parents=True, exist_ok=True)
    with plain_errors():
        point = create_key(key_file, passphrase)
        write_trust(trust_file, [point], threshold=1)
    return key_id(point)


def build(what: Application, out: Path, expires_days: int, *, replace: bool = False) -> Path:
    """Builds the application of one kind from this repository; returns the unsigned file.

    Raises:
        FileError: the sources do not build, or the file exists already.
    """
    if out.exists() and not replace:
        raise FileError(f"{out} exists already; name another with --out, or add --replace")
    write_atomic(out, encode_release(_built(what, expires_days)))
    return out


def sign(file: Path, key_file: Path, passphrase: bytes | None) -> str:
    """Adds a signature to a release file; returns the key's id.

    Raises:
        FileError: the file is no release or damaged, or the key does not open.
    """
    release = read_release(file)
    with plain_errors():
        key = load_key(key_file, passphrase)
        point = public_point(key)
        name, signature = sign_manifest(release.manifest, key)
        others = [pair for pair in release.signatures if pair[0] != name]
        signed = Release(release.manifest, [*others, (name, signature)], release.bundle)
        # As a node would that trusts this key alone: a damaged bundle is never vouched for.
        check_release(signed, {name: point}, 1, None)
    write_atomic(file, encode_release(signed))
    return name


def signed_release(
    what: Application, expires_days: int, key_file: Path, passphrase: bytes | None
) -> Release:
    """Builds and signs in one go, without a file. Raises as `build` and `sign`."""
    unsigned = _built(what, expires_days)
    with plain_errors():
        signature = sign_manifest(unsigned.manifest, load_key(key_file, passphrase))
    return Release(unsigned.manifest, [signature], unsigned.bundle)


def show(file: Path, trust_file: Path | None) -> Shown:
    """What a release is, and whether the keys of a trust file vouch for it.

    Raises:
        FileError: the file is no release, or the trust file is damaged.
    """
    release = read_release(file)
    with plain_errors():
        fields = decode_manifest(release.manifest)
        trust = read_trust(trust_file) if trust_file is not None else None
    verdict = "not checked; give --trust FILE"
    if trust is not None:
        verdict = _verdict(release, trust[1], trust[0])
    names = tuple(name for name, _ in release.signatures)
    return Shown(fields, names, hashlib.sha256(release.bundle).hexdigest(), verdict)


def read_release(file: Path) -> Release:
    """Reads a release file without judging it.

    Raises:
        FileError: it cannot be read, or is no release.
    """
    data = read_bytes(file, "the release")
    try:
        return decode_release(data)
    except UpdateError as error:
        raise FileError(f"{file} is not a release file: {error}") from error


def _built(what: Application, expires_days: int) -> Release:
    with plain_errors():
        bundle = build_bundle(REPOSITORY, what, default_cache())
        expires_s = int(time.time()) + expires_days * DAY_S
        return Release(describe_bundle(bundle, what, expires_s), [], bundle)


def _verdict(release: Release, trusted: dict[str, bytes], threshold: int) -> str:
    try:
        check_signatures(release.manifest, release.signatures, trusted, threshold)
        check_release(release, trusted, threshold, int(time.time()))
    except UpdateError as error:
        return f"refused: {error}"
    return "good: signed by a trusted key and undamaged"
