"""Our verification against the `cryptography` library, on good, bad and crafted input."""

import hashlib
import json
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given
from hypothesis import strategies as st

from ota.signing import public_point
from ota.verify import p256

secrets = st.integers(1, p256.N - 1)
messages = st.binary(max_size=64)


def reference(public: bytes, digest: bytes, signature: bytes) -> bool:
    """What OpenSSL thinks of it."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    except (ValueError, InvalidSignature):
        return False
    return True


def sign(secret: int, message: bytes) -> tuple[bytes, bytes, bytes]:
    """Public point, digest and signature by the library."""
    key = ec.derive_private_key(secret, ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return public_point(key), hashlib.sha256(message).digest(), signature


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def test_the_library_agrees_with_every_vector(repository: Path) -> None:
    path = repository / "ota" / "verify" / "vectors" / "p256.json"
    compared = 0
    for vector in json.loads(path.read_text())["vectors"]:
        parts = [bytes.fromhex(vector[name]) for name in ("public", "digest", "signature")]
        # Other lengths and the compressed form have no counterpart in the library's call.
        if [len(part) for part in parts] != [65, 32, 64]:
            assert vector["gives"] is False
            continue
        assert reference(*parts) is vector["gives"], vector["name"]
        compared += 1
    assert compared > 30


@given(secrets, messages)
def test_what_the_library_signs_is_good(secret: int, message: bytes) -> None:
    assert p256.verify(*sign(secret, message))


@given(secrets, messages, st.sampled_from([0, 1, 2]), st.integers(0, 8 * 65))
def test_one_bit_flipped_anywhere_is_bad(secret: int, message: bytes, part: int, bit: int) -> None:
    parts = list(sign(secret, message))
    parts[part] = flip(parts[part], bit)
    assert not p256.verify(*parts)


@given(secrets, messages, secrets, secrets)
def test_random_numbers_are_judged_as_the_library_judges_them(
    secret: int, message: bytes, r: int, s: int
) -> None:
    public, digest, _ = sign(secret, message)
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert p256.verify(public, digest, signature) is reference(public, digest, signature)


@given(st.binary(max_size=80), st.binary(max_size=40), st.binary(max_size=80))
def test_no_input_raises(public: bytes, digest: bytes, signature: bytes) -> None:
    assert p256.verify(public, digest, signature) is False


@given(st.binary(min_size=64, max_size=64))
def test_points_are_judged_as_the_library_judges_them(coordinates: bytes) -> None:
    public = b"\x04" + coordinates
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        on_curve = True
    except ValueError:
        on_curve = False
    assert (p256.parse_point(public) is not None) is on_curve
