"""The bundle stream: any cut into pieces, any damage."""

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota.publish import encode_bundle
from ota.release_file import check_bundle
from ota.verify.bundle import BundleHash, BundleReader
from ota.verify.errors import (
    BundleError,
    HashMismatch,
    LengthMismatch,
    MalformedBundle,
    UpdateError,
)

names = st.text("abcxyz019_", min_size=1, max_size=6)
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/".join(parts) + ".mpy")
trees = st.dictionaries(paths, st.binary(max_size=300), min_size=1, max_size=8)


def altered(tree: dict[str, bytes], position: int, change: int) -> bytes:
    bundle = bytearray(encode_bundle(tree))
    bundle[position % len(bundle)] ^= change
    return bytes(bundle)


def unpack(bundle: bytes, cuts: list[int]) -> dict[str, bytes]:
    reader = BundleReader(len(bundle))
    files: dict[str, bytes] = {}
    ended: list[str] = []
    edges = [0, *sorted(cut % (len(bundle) + 1) for cut in cuts), len(bundle)]
    for start, stop in itertools.pairwise(edges):
        for path, data, end in reader.feed(bundle[start:stop]):
            assert path not in ended, "bytes after the end of a file"
            files[path] = files.get(path, b"") + data
            if end:
                ended.append(path)
    reader.finish()
    assert ended == sorted(files)
    return files


@given(trees, st.lists(st.integers(0), max_size=40))
def test_any_cut_gives_the_same_files(tree: dict[str, bytes], cuts: list[int]) -> None:
    assert unpack(encode_bundle(tree), cuts) == tree


@given(trees)
def test_byte_by_byte_gives_the_same_files(tree: dict[str, bytes]) -> None:
    bundle = encode_bundle(tree)
    assert unpack(bundle, list(range(len(bundle)))) == tree


@given(trees, st.integers(0), st.integers(1, 255))
def test_any_byte_altered_is_refused_by_its_hash(
    tree: dict[str, bytes], position: int, change: int
) -> None:
    bundle = encode_bundle(tree)
    sha256 = hashlib.sha256(bundle).hexdigest()
    with pytest.raises(HashMismatch):
        check_bundle(altered(tree, position, change), len(bundle), sha256)


@given(trees, st.integers(0))
def test_a_bundle_cut_short_is_refused(tree: dict[str, bytes], length: int) -> None:
    bundle = encode_bundle(tree)
    short = bundle[: length % len(bundle)]
    reader = BundleReader(len(bundle))
    reader.feed(short)
    with pytest.raises(LengthMismatch):
        reader.finish()
    whole = BundleHash(len(bundle), hashlib.sha256(bundle).hexdigest())
    whole.update(short)
    with pytest.raises(LengthMismatch):
        whole.finish()


@given(trees, st.binary(min_size=1, max_size=20))
def test_a_bundle_that_goes_on_is_refused(tree: dict[str, bytes], more: bytes) -> None:
    bundle = encode_bundle(tree)
    with pytest.raises(LengthMismatch):
        BundleReader(len(bundle)).feed(bundle + more)
    whole = BundleHash(len(bundle), hashlib.sha256(bundle).hexdigest())
    with pytest.raises(LengthMismatch):
        whole.update(bundle + more)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda data: b"CFB1" + data),
        st.builds(altered, trees, st.integers(0), st.integers(1, 255)),
    ),
    st.integers(1, 64),
)
def test_garbage_is_refused_by_name_or_stays_in_its_slot(data: bytes, step: int) -> None:
    reader = BundleReader(len(data))
    try:
        for start in range(0, len(data), step):
            for path, _, _ in reader.feed(data[start : start + step]):
                assert not path.startswith("/") and ".." not in path
        reader.finish()
    except UpdateError as error:
        assert error.name not in ("update_error", "bad_bundle")


def test_a_refused_reader_stays_refused() -> None:
    good = encode_bundle({"a.mpy": b"x"})
    reader = BundleReader(100)
    with pytest.raises(MalformedBundle):
        reader.feed(b"XXXX")
    with pytest.raises(BundleError):
        reader.feed(good)
    with pytest.raises(BundleError):
        reader.finish()
