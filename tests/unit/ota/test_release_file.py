"""The release file: round trip, and every byte of it altered."""

import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ota.errors import MalformedRelease
from ota.publish import Application, describe_bundle, encode_bundle
from ota.release_file import (
    MAX_RELEASE_BYTES,
    Release,
    check_release,
    decode_release,
    encode_release,
)
from ota.signing import public_point, sign_release
from ota.verify.errors import TooFewSignatures, TooLarge, UpdateError
from ota.verify.trust import key_id
from protocols import codec

KEYS = [ec.derive_private_key(secret, ec.SECP256R1()) for secret in (31, 32)]
TRUSTED = {key_id(public_point(key)): public_point(key) for key in KEYS}
BUNDLE = encode_bundle({"firmware/main.mpy": b"M\x06\x00", "x.y": b""})
MANIFEST = describe_bundle(BUNDLE, Application("reservoir", "1.2.3", 4), 1800000000)
RELEASE = sign_release(MANIFEST, BUNDLE, KEYS)


def test_a_release_goes_through_the_file_unchanged() -> None:
    release = decode_release(encode_release(RELEASE))
    assert release == RELEASE
    fields = check_release(release, TRUSTED, 2, 1790000000)
    assert fields["counter"] == 4
    assert fields["sha256"] == release.bundle_sha256


def test_every_byte_of_the_file_counts() -> None:
    data = encode_release(RELEASE)
    chance = random.Random(3)
    for i in range(len(data)):
        altered = data[:i] + bytes([data[i] ^ chance.randint(1, 255)]) + data[i + 1 :]
        with pytest.raises(UpdateError) as refused:
            check_release(decode_release(altered), TRUSTED, 2, None)
        assert refused.value.name != "update_error"


def test_every_length_but_the_right_one_is_refused() -> None:
    data = encode_release(RELEASE)
    for length in range(len(data)):
        with pytest.raises(MalformedRelease):
            decode_release(data[:length])
    with pytest.raises(MalformedRelease):
        decode_release(data + b"\0")


def test_a_good_bundle_of_another_release_is_refused() -> None:
    other = encode_bundle({"firmware/main.mpy": b"M\x06\x01", "x.y": b""})
    with pytest.raises(UpdateError) as refused:
        check_release(Release(MANIFEST, RELEASE.signatures, other), TRUSTED, 2, None)
    assert refused.value.name == "hash_mismatch"


def test_one_signature_is_not_two() -> None:
    alone = Release(MANIFEST, RELEASE.signatures[:1], BUNDLE)
    assert check_release(alone, TRUSTED, 1, None)["version"] == "1.2.3"
    with pytest.raises(TooFewSignatures):
        check_release(alone, TRUSTED, 2, None)


def test_an_endless_file_is_not_read() -> None:
    with pytest.raises(TooLarge):
        decode_release(bytes(MAX_RELEASE_BYTES + 1))


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"manifest": b"", "signatures": []},
        {"manifest": b"", "signatures": [], "bundle": b"", "more": 1},
        {"manifest": "", "signatures": [], "bundle": b""},
        {"manifest": b"", "signatures": {}, "bundle": b""},
        {"manifest": b"", "signatures": [["a"]], "bundle": b""},
        {"manifest": b"", "signatures": [["a", "b"]], "bundle": b""},
        {"manifest": b"", "signatures": [[1, b""]], "bundle": b""},
        {"manifest": b"", "signatures": [], "bundle": None},
    ],
)
def test_other_cbor_is_refused(value: object) -> None:
    with pytest.raises(MalformedRelease):
        decode_release(codec.encode(value))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(MalformedRelease):
        decode_release(data)
