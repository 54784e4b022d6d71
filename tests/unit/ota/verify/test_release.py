"""Damage to a signed manifest: every byte of it, and of its signature."""

import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ota.signing import public_point, sign_manifest
from ota.verify import errors
from ota.verify.errors import BadSignature, UpdateError
from ota.verify.manifest import decode_manifest, encode_manifest
from ota.verify.release import verify_manifest
from ota.verify.trust import key_id

KEY = ec.derive_private_key(424242, ec.SECP256R1())
TRUSTED = {key_id(public_point(KEY)): public_point(KEY)}
MANIFEST = encode_manifest(
    {
        "spec": 1,
        "kind": "smart_bin",
        "version": "2.0.1",
        "counter": 7,
        "length": 1000,
        "sha256": "ab" * 32,
        "mpy": "6.3",
        "expires_s": 1800000000,
    }
)
SIGNATURES = [sign_manifest(MANIFEST, KEY)]


def each_byte_altered(data: bytes, seed: int) -> list[bytes]:
    """Copies of the data, each with another byte changed."""
    chance = random.Random(seed)
    return [
        data[:i] + bytes([data[i] ^ chance.randint(1, 255)]) + data[i + 1 :]
        for i in range(len(data))
    ]


def verify(manifest: bytes, signatures: list[tuple[str, bytes]]) -> dict[str, int | str]:
    return verify_manifest(manifest, signatures, TRUSTED, 1, "smart_bin", 6, 1790000000)


def test_the_fields_come_back() -> None:
    assert verify(MANIFEST, SIGNATURES)["version"] == "2.0.1"
    assert verify(MANIFEST, [list(pair) for pair in SIGNATURES])["counter"] == 7  # pyright: ignore[reportArgumentType]


def test_every_byte_of_the_manifest_counts() -> None:
    for altered in each_byte_altered(MANIFEST, 1):
        with pytest.raises(BadSignature):
            verify(altered, SIGNATURES)


def test_every_byte_of_the_signature_counts() -> None:
    name, signature = SIGNATURES[0]
    for altered in each_byte_altered(signature, 2):
        with pytest.raises(BadSignature):
            verify(MANIFEST, [(name, altered)])


def test_every_character_of_the_key_id_counts() -> None:
    name, signature = SIGNATURES[0]
    for i in range(len(name)):
        altered = name[:i] + ("0" if name[i] != "0" else "1") + name[i + 1 :]
        with pytest.raises(errors.UnknownKey):
            verify(MANIFEST, [(altered, signature)])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(decode_manifest(MANIFEST))), json_values)
def test_a_field_of_any_value_is_written_and_read_or_refused(field: str, value: object) -> None:
    fields: dict[str, object] = {**decode_manifest(MANIFEST), field: value}
    try:
        written = encode_manifest(fields)  # pyright: ignore[reportArgumentType]
    except errors.MalformedManifest:
        return
    assert decode_manifest(written) == fields


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    with pytest.raises((errors.MalformedManifest, errors.TooLarge)):
        decode_manifest(data)


def test_every_refusal_has_a_name_of_its_own() -> None:
    found: list[type[UpdateError]] = [UpdateError]
    for kind in found:
        found += kind.__subclasses__()
    assert len({kind.name for kind in found}) == len(found)
    assert str(errors.OlderCounter("1 is below 2")) == "older_counter: 1 is below 2"
