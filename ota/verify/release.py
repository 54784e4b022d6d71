"""The decision: may this node install this release?

Owns the order of the checks: bounds, signatures over the raw bytes, only then the meaning
of the manifest, then whether it suits this node. Fetching, clocks and slots are the
caller's; the bundle's bytes are checked in bundle.py against the fields returned here.

    threshold, keys = decode_trust(trust_json)
    fields = verify_manifest(manifest, signatures, keys, threshold, "streetlight", 1, now_s)
    # fields["length"], fields["sha256"] -> BundleHash
"""

import hashlib
import sys

from ota.verify import p256
from ota.verify.errors import (
    BadSignature,
    Expired,
    OlderCounter,
    TooFewSignatures,
    TooLarge,
    UnknownKey,
    WrongKind,
    WrongRuntime,
)
from ota.verify.limits import MAX_BUNDLE_BYTES, MAX_MANIFEST_BYTES, MAX_SIGNATURES
from ota.verify.manifest import decode_manifest
from ota.verify.trust import check_trust

# Keeps a signature over a manifest from being good for any other kind of document.
SIGNATURE_DOMAIN = b"cityfleet-release-v1\n"

# What the host assumes of the fleet; a MicroPython knows its own version better.
HOST_MPY = "6.3"


def runtime_mpy() -> str:
    """Return the bytecode version that this interpreter loads, as "major.minor".

    Source: MicroPython docs/reference/mpyfiles.rst, sys.implementation._mpy.
    """
    packed = getattr(sys.implementation, "_mpy", None)
    if packed is None:
        return HOST_MPY
    return "%d.%d" % (packed & 0xFF, packed >> 8 & 3)


def signed_digest(manifest: bytes) -> bytes:
    """Return the SHA-256 that release signatures are made over."""
    return hashlib.sha256(SIGNATURE_DOMAIN + manifest).digest()


def verify_manifest(
    manifest: bytes,
    signatures: list[tuple[str, bytes]],
    trusted: dict[str, bytes],
    threshold: int,
    kind: str,
    installed_counter: int,
    now_s: int | None,
) -> dict[str, int | str]:
    """Decide whether a release may be installed.

    Args:
        manifest: The canonical manifest as it was signed.
        signatures: Pairs (lists or tuples) of key id and 64-byte signature (r and s).
        trusted: Key id -> uncompressed point of 65 bytes.
        threshold: How many different trusted keys must have signed, at least 1.
        kind: The kind of node that asks.
        installed_counter: The release counter now running; the same counter again is
            allowed (a repair), a lower one never.
        now_s: Unix seconds in real time; None while the clock is not set, when expiry
            cannot be judged.

    Returns:
        The manifest's fields.

    Raises:
        UpdateError: the refusal, by name (ota/verify/errors.py).
    """
    if len(manifest) > MAX_MANIFEST_BYTES:
        raise TooLarge("manifest of %d bytes" % len(manifest))
    check_signatures(manifest, signatures, trusted, threshold)
    fields = decode_manifest(manifest)
    check_suits(fields, kind, installed_counter, now_s)
    return fields


def check_suits(
    fields: dict[str, int | str], kind: str, installed_counter: int, now_s: int | None
) -> None:
    """Check that a release with these (already trusted) fields suits this node.

    Raises:
        UpdateError: wrong_kind, wrong_runtime, older_counter, expired or too_large.
    """
    if fields["kind"] != kind:
        raise WrongKind("for %s, this is a %s" % (fields["kind"], kind))
    if fields["mpy"] != runtime_mpy():
        raise WrongRuntime("for mpy %s, this runs %s" % (fields["mpy"], runtime_mpy()))
    if int(fields["counter"]) < installed_counter:
        raise OlderCounter("%d is below %d" % (fields["counter"], installed_counter))
    if now_s is not None and now_s >= int(fields["expires_s"]):
        raise Expired("at %d, now it is %d" % (fields["expires_s"], now_s))
    if int(fields["length"]) > MAX_BUNDLE_BYTES:
        raise TooLarge("bundle of %d bytes" % fields["length"])


def check_signatures(
    manifest: bytes,
    signatures: list[tuple[str, bytes]],
    trusted: dict[str, bytes],
    threshold: int,
) -> None:
    """Check that enough trusted keys signed exactly these bytes.

    Signatures by unknown keys are passed over, so that keys can be rotated while nodes
    trust different sets. A bad signature by a trusted key is refused even where enough
    good ones stand beside it: the release was damaged or meddled with on its way.

    Raises:
        TooLarge: more than MAX_SIGNATURES.
        BadSignature: a pair is not a pair, a key signs twice, or a trusted key's signature
            does not fit.
        UnknownKey: there are signatures, none by a trusted key.
        TooFewSignatures: fewer good ones than the threshold.
        MalformedTrust: the trust itself is unusable.
    """
    check_trust(threshold, trusted)
    if type(signatures) not in (list, tuple):
        raise BadSignature("not a list of signatures")
    if len(signatures) > MAX_SIGNATURES:
        raise TooLarge("%d signatures" % len(signatures))
    digest = signed_digest(manifest)
    seen: list[str] = []
    good = 0
    for pair in signatures:
        if type(pair) not in (list, tuple) or len(pair) != 2:
            raise BadSignature("not a pair of key id and signature")
        name, signature = pair
        if type(name) is not str or type(signature) is not bytes:
            raise BadSignature("not a pair of key id and signature")
        if name in seen:
            raise BadSignature("a key signs twice")
        seen.append(name)
        if name not in trusted:
            continue
        if not p256.verify(trusted[name], digest, signature):
            raise BadSignature("by key " + name)
        good += 1
    if seen and not good:
        raise UnknownKey("signed by " + ", ".join(seen)[:64])
    if good < threshold:
        raise TooFewSignatures("%d of %d" % (good, threshold))
