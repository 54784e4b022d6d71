"""The one file in which a release travels: manifest, signatures and bundle in CBOR.

`<kind>-<version>.release`: the release manager's tool writes it, the fleet server takes it
apart, and both ask check_release what a node will ask. No private key is ever needed here.

    release = decode_release(path.read_bytes())
    fields = check_release(release, trusted, threshold, now_s)     # or a named refusal
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ota.errors import MalformedRelease
from ota.romfs import decode_image
from ota.verify.bundle import BundleHash
from ota.verify.errors import TooLarge
from ota.verify.limits import MAX_BUNDLE_BYTES, MAX_MANIFEST_BYTES, MAX_SIGNATURES
from ota.verify.manifest import decode_manifest
from ota.verify.p256 import SIGNATURE_BYTES
from ota.verify.release import check_signatures, check_suits
from protocols import codec
from protocols.errors import ProtocolError

# CBOR heads, field names and key ids need far less than the kilobyte that is left here.
MAX_RELEASE_BYTES = MAX_BUNDLE_BYTES + MAX_MANIFEST_BYTES + MAX_SIGNATURES * SIGNATURE_BYTES + 1024


@dataclass(frozen=True, slots=True)
class Release:
    """A signed release.

    Attributes:
        manifest: Canonical manifest, the bytes that were signed.
        signatures: Pairs of key id and 64-byte signature.
        bundle: The application's files.
    """

    manifest: bytes
    signatures: list[tuple[str, bytes]]
    bundle: bytes

    @property
    def bundle_sha256(self) -> str:
        """Hash of the bundle that is really here, whatever the manifest says."""
        return hashlib.sha256(self.bundle).hexdigest()


def encode_release(release: Release) -> bytes:
    """Return the content of the release file; equal releases give equal bytes."""
    return codec.encode(
        {
            "manifest": release.manifest,
            "signatures": [[key_id, signature] for key_id, signature in release.signatures],
            "bundle": release.bundle,
        }
    )


def decode_release(data: bytes) -> Release:
    """Take a release file apart, without judging what is in it.

    Raises:
        TooLarge: more than MAX_RELEASE_BYTES.
        MalformedRelease: not a release file.
    """
    if len(data) > MAX_RELEASE_BYTES:
        raise TooLarge(f"release file of {len(data)} bytes")
    try:
        value = cast(Any, codec.decode(data))
    except ProtocolError as error:
        raise MalformedRelease(str(error)) from error
    match value:
        case {
            "manifest": bytes(manifest),
            "signatures": signatures,
            "bundle": bytes(bundle),
            **more,
        } if not more:
            return Release(manifest, _signatures(signatures), bundle)
        case _:
            raise MalformedRelease("not a map of manifest, signatures and bundle")


def check_release(
    release: Release, trusted: dict[str, bytes], threshold: int, now_s: int | None
) -> dict[str, int | str]:
    """Check a release as a node of its kind would, its bundle included.

    Args:
        release: The release.
        trusted: Key id -> public point, from trust.json (ota.verify.trust).
        threshold: How many of these keys must have signed.
        now_s: Unix seconds, or None to leave expiry out.

    Returns:
        The manifest's fields.

    Raises:
        UpdateError: the refusal, by name.
    """
    check_signatures(release.manifest, release.signatures, trusted, threshold)
    fields = decode_manifest(release.manifest)
    check_suits(fields, str(fields["kind"]), 0, now_s)
    check_bundle(release.bundle, int(fields["length"]), str(fields["sha256"]))
    return fields


def check_bundle(bundle: bytes, length: int, sha256: str) -> None:
    """Check a bundle's length, hash and form.

    Raises:
        UpdateError: the refusal, by name.
    """
    whole = BundleHash(length, sha256)
    whole.update(bundle)
    whole.finish()
    decode_image(bundle)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a public file so that a reader sees all of it or what was there before."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as new:
        try:
            new.write(data)
            new.flush()
            os.fsync(new.fileno())
            os.chmod(new.name, 0o644)
            os.replace(new.name, path)
        except BaseException:
            os.unlink(new.name)
            raise


def _signatures(value: Any) -> list[tuple[str, bytes]]:
    if not isinstance(value, list):
        raise MalformedRelease("signatures are a list")
    pairs = cast("list[Any]", value)
    if len(pairs) > MAX_SIGNATURES:
        raise TooLarge(f"{len(pairs)} signatures")
    signatures: list[tuple[str, bytes]] = []
    for pair in pairs:
        match pair:
            case [str(key_id), bytes(signature)]:
                signatures.append((key_id, signature))
            case _:
                raise MalformedRelease("a signature is a pair of key id and bytes")
    return signatures
