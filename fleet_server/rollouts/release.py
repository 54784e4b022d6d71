"""Takes an uploaded release in, and says whether the release managers vouch for it. Pure.

The server checks the same things as a node, with the same code, so that a wrong release is refused
before it reaches the street. The node is the judge all the same: it trusts no server.

    upload = read_release(data)                       # nothing in it is trusted yet
    judgement = judge(upload, trust_json, now_s)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ota.errors import MalformedRelease
from ota.release_file import MAX_RELEASE_BYTES, Release, check_release, decode_release
from ota.verify.errors import UpdateError
from ota.verify.manifest import decode_manifest
from ota.verify.trust import decode_trust

__all__ = ["MAX_RELEASE_BYTES", "Judgement", "Upload", "judge", "read_release"]


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded release.

    Attributes:
        fields: What the manifest claims.
        fingerprint: SHA-256 over all parts: the same upload again is the same release.
    """

    release: Release
    fields: dict[str, int | str]
    fingerprint: str

    @property
    def wire_signatures(self) -> list[list[str | bytes]]:
        """The signatures as a desired document carries them."""
        return [[name, signature] for name, signature in self.release.signatures]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a release is good, and if not, by which of the names that nodes use too."""

    verified: bool
    reason: str | None = None
    detail: str = ""


def read_release(data: bytes) -> Upload:
    """Takes a release file apart.

    Raises:
        UpdateError: not a release file, or a manifest that nobody could read.
    """
    release = decode_release(data)
    if not release.bundle:
        raise MalformedRelease("it has no bundle")
    fields = decode_manifest(release.manifest)
    digest = hashlib.sha256(release.manifest)
    for name, signature in release.signatures:
        digest.update(name.encode() + b"\0" + signature)
    digest.update(bytes.fromhex(release.bundle_sha256))
    return Upload(release, fields, digest.hexdigest())


def judge(upload: Upload, trust: bytes, now_s: int) -> Judgement:
    """Checks a release as a node of its kind would that runs nothing yet.

    Args:
        upload: What was uploaded.
        trust: The bytes of trust.json; empty if there is none.
        now_s: Machine time, since expiry is a promise in real time.
    """
    try:
        threshold, keys = decode_trust(trust)
        check_release(upload.release, keys, threshold, now_s)
    except UpdateError as error:
        return Judgement(False, error.name, error.detail)
    return Judgement(True)
