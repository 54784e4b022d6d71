"""Refusals of an update, each with a stable name that travels to the operator.

The name goes into the node's event and reported state and from there to the screen and the
command line: it is part of the contract, so a name is never reused or respelled. The detail
is for the log.
"""


class UpdateError(Exception):
    """An update was refused; `name` says why in a stable word, `detail` in prose."""

    name = "update_error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(self.name + ": " + detail if detail else self.name)
        self.detail = detail


class TrustError(UpdateError):
    """The release is not vouched for by enough trusted keys."""

    name = "untrusted"


class BadSignature(TrustError):
    """A signature by a trusted key does not fit the manifest, or is no signature at all."""

    name = "bad_signature"


class UnknownKey(TrustError):
    """Every signature is by a key that this node does not trust."""

    name = "unknown_key"


class TooFewSignatures(TrustError):
    """The signatures are good, but fewer than the threshold asks for."""

    name = "too_few_signatures"


class MalformedTrust(TrustError):
    """The local trust.json is damaged or asks for an impossible threshold."""

    name = "malformed_trust"


class ManifestError(UpdateError):
    """The manifest cannot be read, or does not suit this node."""

    name = "unsuitable"


class MalformedManifest(ManifestError):
    """The manifest is not canonical, misses a field, or holds a value out of range."""

    name = "malformed_manifest"


class WrongKind(ManifestError):
    """The release is for another kind of node."""

    name = "wrong_kind"


class WrongRuntime(ManifestError):
    """The release is compiled for another bytecode version than this node runs."""

    name = "wrong_runtime"


class OlderCounter(ManifestError):
    """The release counter is below the one installed: a step back, however well signed."""

    name = "older_counter"


class Expired(ManifestError):
    """The release managers' promise for this release has run out."""

    name = "expired"


class TooLarge(UpdateError):
    """A part of the release is larger than the node's limits (ota/verify/limits.py)."""

    name = "too_large"


class BundleError(UpdateError):
    """The bundle's bytes are not what the manifest or the format says."""

    name = "bad_bundle"


class MalformedBundle(BundleError):
    """The bundle does not follow its format."""

    name = "malformed_bundle"


class UnsafePath(BundleError):
    """A path in the bundle could leave the slot or break its tree."""

    name = "unsafe_path"


class LengthMismatch(BundleError):
    """The bundle is longer or shorter than the manifest says."""

    name = "length_mismatch"


class HashMismatch(BundleError):
    """The bundle's SHA-256 is not the one in the manifest."""

    name = "hash_mismatch"
