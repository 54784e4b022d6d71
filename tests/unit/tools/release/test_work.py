"""A release manager's day: a key, a build, signatures, and what is refused."""

from pathlib import Path

import pytest

from ota.publish import Application
from ota.release_file import encode_release
from tools.errors import FileError
from tools.release.work import build, make_key, read_release, show, sign, signed_release

WHAT = Application("streetlight", "1.2.3", 7)
PASSPHRASE = b"correct horse battery"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One unsigned release; copy it before changing it."""
    return build(WHAT, tmp_path_factory.mktemp("built") / "a.release", 30)


def copy(built: Path, folder: Path) -> Path:
    target = folder / "a.release"
    target.write_bytes(built.read_bytes())
    return target


def test_a_build_is_unsigned_until_it_is_signed(built: Path, tmp_path: Path) -> None:
    key, trust = tmp_path / "keys" / "key.pem", tmp_path / "public" / "trust.json"
    name = make_key(key, trust, PASSPHRASE)
    assert key.stat().st_mode & 0o777 == 0o600
    file = copy(built, tmp_path)
    assert show(file, trust).verdict == "refused: too_few_signatures: 0 of 1"
    assert sign(file, key, PASSPHRASE) == name
    found = show(file, trust)
    assert found.verdict.startswith("good")
    assert found.signed_by == (name,)
    assert (found.fields["version"], found.fields["counter"]) == ("1.2.3", 7)
    assert found.fields["sha256"] == found.bundle_sha256
    once = file.read_bytes()
    sign(file, key, PASSPHRASE)
    assert file.read_bytes() == once


def test_a_second_key_adds_its_signature(built: Path, tmp_path: Path) -> None:
    names = {make_key(tmp_path / f"{i}.pem", tmp_path / f"{i}.json", None) for i in "ab"}
    file = copy(built, tmp_path)
    for i in "ab":
        sign(file, tmp_path / f"{i}.pem", None)
    assert set(show(file, None).signed_by) == names
    for i in "ab":
        assert show(file, tmp_path / f"{i}.json").verdict.startswith("good")


def test_a_foreign_key_and_a_changed_byte_are_named(built: Path, tmp_path: Path) -> None:
    for i in "ab":
        make_key(tmp_path / f"{i}.pem", tmp_path / f"{i}.json", None)
    file = copy(built, tmp_path)
    sign(file, tmp_path / "a.pem", None)
    assert "unknown_key" in show(file, tmp_path / "b.json").verdict
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert "hash_mismatch" in show(file, tmp_path / "a.json").verdict
    with pytest.raises(FileError, match="hash_mismatch"):
        sign(file, tmp_path / "b.pem", None)


def test_nothing_is_overwritten_unasked(built: Path, tmp_path: Path) -> None:
    key, trust = tmp_path / "key.pem", tmp_path / "trust.json"
    make_key(key, trust, None)
    with pytest.raises(FileError, match="exists already"):
        make_key(tmp_path / "other.pem", trust, None)
    with pytest.raises(FileError, match="exists already"):
        make_key(key, tmp_path / "other.json", None)
    assert not (tmp_path / "other.json").exists()
    with pytest.raises(FileError, match="--replace"):
        build(WHAT, built, 30)


def test_the_wrong_passphrase_and_a_file_that_is_no_release(built: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    make_key(key, tmp_path / "trust.json", PASSPHRASE)
    file = copy(built, tmp_path)
    for wrong in (None, b"wrong horse battery"):
        with pytest.raises(FileError, match="passphrase"):
            sign(file, key, wrong)
    assert read_release(file).signatures == []
    with pytest.raises(FileError, match="not a release file"):
        show(key, None)


def test_build_and_sign_in_one_go_gives_the_same(built: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "key.pem", tmp_path / "trust.json", None)
    release = signed_release(WHAT, 30, tmp_path / "key.pem", None)
    assert release.bundle == read_release(built).bundle
    file = tmp_path / "b.release"
    file.write_bytes(encode_release(release))
    assert show(file, tmp_path / "trust.json").verdict.startswith("good")
