"""Release keys on disk and what they sign."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ota.errors import KeyFileError
from ota.publish import Application, describe_bundle, encode_bundle
from ota.release_file import check_release, encode_release, write_atomically
from ota.signing import (
    create_key,
    load_key,
    public_point,
    read_trust,
    release_name,
    sign_manifest,
    sign_release,
    write_trust,
)
from ota.verify.errors import MalformedManifest, MalformedTrust, UpdateError
from ota.verify.trust import key_id

PASSPHRASE = b"correct horse battery"
BUNDLE = encode_bundle({"firmware/main.mpy": b"M\x06\x00"})
MANIFEST = describe_bundle(BUNDLE, Application("greenhouse", "1.0.0", 1), 1800000000)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that must hold no left-overs in the end."""
    yield tmp_path
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_key_comes_back_and_only_its_owner_reads_it(
    folder: Path, passphrase: bytes | None
) -> None:
    path = folder / "release.key"
    point = create_key(path, passphrase)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_point(load_key(path, passphrase)) == point
    assert (b"ENCRYPTED" in path.read_bytes()) is (passphrase is not None)


def test_a_key_is_never_overwritten(folder: Path) -> None:
    path = folder / "release.key"
    create_key(path, None)
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="exists already"):
        create_key(path, None)
    assert path.read_bytes() == before


def test_a_missing_folder_is_one_line(folder: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        create_key(folder / "missing" / "release.key", None)
    with pytest.raises(KeyFileError, match="No such file"):
        load_key(folder / "release.key", None)


def test_a_short_passphrase_is_refused(folder: Path) -> None:
    with pytest.raises(KeyFileError, match="at least 12"):
        create_key(folder / "release.key", b"short")
    assert list(folder.iterdir()) == []


def test_the_passphrase_must_fit(folder: Path) -> None:
    locked, plain = folder / "locked.key", folder / "plain.key"
    create_key(locked, PASSPHRASE)
    create_key(plain, None)
    with pytest.raises(KeyFileError, match="needs a passphrase"):
        load_key(locked, None)
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        load_key(locked, PASSPHRASE + b"!")
    with pytest.raises(KeyFileError, match="give no passphrase"):
        load_key(plain, PASSPHRASE)


def test_a_key_open_to_others_is_not_used(folder: Path) -> None:
    path = folder / "release.key"
    create_key(path, None)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_key(path, None)


@pytest.mark.parametrize(
    "key", [ec.derive_private_key(5, ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_only_p256_keys_sign_releases(
    folder: Path, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
) -> None:
    path = folder / "other.key"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a P-256 key"):
        load_key(path, None)


def test_a_damaged_key_file_is_one_line(folder: Path) -> None:
    path = folder / "release.key"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a private key"):
        load_key(path, None)


def test_trust_is_written_whole_and_read_back(folder: Path) -> None:
    points = [create_key(folder / f"{i}.key", None) for i in range(3)]
    path = folder / "trust.json"
    write_trust(path, points[:1], 1)
    write_trust(path, points, 2)
    assert read_trust(path) == (2, {key_id(point): point for point in points})
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(MalformedTrust):
        write_trust(path, points, 4)
    assert read_trust(path)[0] == 2


def test_a_trust_file_that_cannot_be_is_one_line(folder: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_trust(folder / "trust.json")
    point = create_key(folder / "release.key", None)
    with pytest.raises(KeyFileError, match="No such file"):
        write_trust(folder / "missing" / "trust.json", [point], 1)


def test_the_same_release_signed_again_has_the_same_bytes(folder: Path) -> None:
    create_key(folder / "release.key", None)
    key = load_key(folder / "release.key", None)
    files = [encode_release(sign_release(MANIFEST, BUNDLE, [key])) for _ in range(2)]
    assert files[0] == files[1]
    assert release_name(MANIFEST) == "greenhouse-1.0.0.release"


def test_nothing_is_signed_that_a_node_would_refuse(folder: Path) -> None:
    create_key(folder / "release.key", None)
    key = load_key(folder / "release.key", None)
    with pytest.raises(MalformedManifest):
        sign_manifest(b'{"a":1}', key)
    with pytest.raises(UpdateError) as refused:
        sign_release(MANIFEST, BUNDLE[:-1] + b"\xff", [key])
    assert refused.value.name == "hash_mismatch"


def test_a_thiefs_key_is_unknown(folder: Path) -> None:
    for name in ("release", "thief"):
        create_key(folder / f"{name}.key", None)
    write_trust(folder / "trust.json", [public_point(load_key(folder / "release.key", None))], 1)
    threshold, trusted = read_trust(folder / "trust.json")
    release = sign_release(MANIFEST, BUNDLE, [load_key(folder / "thief.key", None)])
    with pytest.raises(UpdateError) as refused:
        check_release(release, trusted, threshold, None)
    assert refused.value.name == "unknown_key"


def test_a_failed_write_leaves_what_was_there(folder: Path) -> None:
    path = folder / "taken"
    path.mkdir()
    with pytest.raises(OSError, match="taken"):
        write_atomically(path, b"x")
    assert path.is_dir()
