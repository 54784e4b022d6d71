"""trust.json: the release keys that a node believes, and how many of them must agree.

    {"keys":{"<key id, 16 hex>":"<uncompressed P-256 point, 130 hex>"},"threshold":1}

Owns the form of that file and the naming of keys. Who may change the file is the business
of provisioning; what the signatures mean is release.py's.
"""

import hashlib
import json
from binascii import hexlify, unhexlify

from ota.verify import p256
from ota.verify.errors import MalformedTrust
from ota.verify.limits import MAX_SIGNATURES, MAX_TRUST_BYTES


def key_id(point: bytes) -> str:
    """Name a public key: the first 16 hexadecimal digits of its point's SHA-256."""
    return hexlify(hashlib.sha256(point).digest()[:8]).decode()


def decode_trust(data: bytes) -> tuple[int, dict[str, bytes]]:
    """Read trust.json.

    Returns:
        The threshold and the keys by id, as verify_manifest takes them.

    Raises:
        MalformedTrust: damaged, a key under a name that is not its own or off the curve,
            or a threshold that is not between 1 and the number of keys.
    """
    if len(data) > MAX_TRUST_BYTES:
        raise MalformedTrust("%d bytes" % len(data))
    try:
        document = json.loads(data.decode())
        threshold = document["threshold"]
        keys: dict[str, bytes] = {}
        for name, text in document["keys"].items():
            keys[name] = unhexlify(text)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise MalformedTrust("not a trust file: " + repr(error)) from None
    check_trust(threshold, keys)
    return threshold, keys


def check_trust(threshold: int, keys: dict[str, bytes]) -> None:
    """Refuse a threshold or a set of keys that cannot protect anything.

    Raises:
        MalformedTrust: as in decode_trust.
    """
    if len(keys) > MAX_SIGNATURES:
        raise MalformedTrust("more than %d keys" % MAX_SIGNATURES)
    if type(threshold) is not int or not 1 <= threshold <= len(keys):
        raise MalformedTrust("threshold is not between 1 and the number of keys")
    for name, point in keys.items():
        if name != key_id(point):
            raise MalformedTrust("a key has another key's name")
        if p256.parse_point(point) is None:
            raise MalformedTrust("a key is not a point of P-256")
