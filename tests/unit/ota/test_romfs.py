"""The bundle as an image: what MicroPython reads in it, and every way of being none."""

import hashlib
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota.release_file import check_bundle
from ota.romfs import HEADER, MAX_FILE_BYTES, MAX_FILES, decode_image, encode_image
from ota.verify.errors import (
    HashMismatch,
    LengthMismatch,
    MalformedBundle,
    TooLarge,
    UnsafePath,
    UpdateError,
)
from ota.verify.limits import MAX_BUNDLE_BYTES

names = st.text("abcxyz019_", min_size=1, max_size=6)
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/".join(parts) + ".mpy")
trees = st.dictionaries(paths, st.binary(max_size=300), min_size=1, max_size=8)

# Mounts an image and prints what the file system says is in it.
READER = """
import os, sys, vfs
from binascii import hexlify
with open(sys.argv[1], "rb") as file:
    image = file.read()
vfs.mount(vfs.VfsRom(memoryview(image)[:-4]), "/app")
def show(folder):
    for entry in os.ilistdir("/app" + folder):
        path = folder + "/" + entry[0]
        if entry[1] & 0x4000:
            show(path)
        else:
            with open("/app" + path, "rb") as file:
                print(path[1:], hexlify(file.read()).decode())
show("")
"""


def sealed(payload: bytes) -> bytes:
    """An image with any payload and the right CRC."""
    size = bytes((0x80 | len(payload) >> 7, len(payload) & 0x7F))
    image = HEADER + size[len(payload) < 128 :] + payload
    return image + zlib.crc32(image).to_bytes(4, "little")


def record(kind: int, content: bytes) -> bytes:
    return bytes((kind, len(content))) + content


def file(name: bytes, data: bytes = b"") -> bytes:
    return record(5, bytes((len(name),)) + name + record(2, data))


def folder(name: bytes, *records: bytes) -> bytes:
    return record(4, bytes((len(name),)) + name + b"".join(records))


@pytest.mark.parametrize("runtime", ["micropython", "micropython-i386"])
def test_micropython_mounts_it_and_finds_every_file(
    runtime: str, tmp_path: Path, programs: Path
) -> None:
    tree = {
        "a.mpy": b"",
        "b/c.mpy": bytes(range(200)),
        "b/d/e.mpy": b"x" * 20000,
        "b_2.mpy": b"M\x06",
        "x" * 92 + ".mpy": b"1",
    }
    (tmp_path / "image").write_bytes(encode_image(tree))
    (tmp_path / "reader.py").write_text(READER)
    command = [programs / runtime, tmp_path / "reader.py", tmp_path / "image"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    found = dict(line.split(" ") for line in done.stdout.splitlines())
    assert {path: bytes.fromhex(text) for path, text in found.items()} == tree


@given(trees)
def test_what_goes_in_comes_out(tree: dict[str, bytes]) -> None:
    assert decode_image(encode_image(tree)) == tree
    assert encode_image(dict(reversed(tree.items()))) == encode_image(tree)


@given(trees, st.integers(0), st.integers(1, 255))
def test_any_byte_altered_is_refused(tree: dict[str, bytes], position: int, change: int) -> None:
    bundle = encode_image(tree)
    altered = bytearray(bundle)
    altered[position % len(bundle)] ^= change
    with pytest.raises(UpdateError):
        decode_image(bytes(altered))
    with pytest.raises(HashMismatch):
        check_bundle(bytes(altered), len(bundle), hashlib.sha256(bundle).hexdigest())


@given(trees, st.integers(0), st.binary(min_size=1, max_size=20))
def test_a_bundle_cut_short_or_going_on_is_refused(
    tree: dict[str, bytes], length: int, more: bytes
) -> None:
    bundle = encode_image(tree)
    for other in (bundle[: length % len(bundle)], bundle + more):
        with pytest.raises(UpdateError):
            decode_image(other)
        with pytest.raises(LengthMismatch):
            check_bundle(other, len(bundle), hashlib.sha256(bundle).hexdigest())


@given(st.binary(max_size=200))
def test_garbage_is_refused_by_name(payload: bytes) -> None:
    for data in (payload, HEADER + payload, sealed(payload)):
        try:
            files = decode_image(data)
        except UpdateError as error:
            assert error.name in ("malformed_bundle", "unsafe_path", "too_large")
        else:
            assert encode_image(files) == data


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        HEADER,
        sealed(b""),
        sealed(file(b"a.mpy"))[:-1] + b"\0",
        sealed(file(b"b.mpy") + file(b"a.mpy")),
        sealed(file(b"a.mpy") * 2),
        sealed(folder(b"a")),
        sealed(record(1, b"\0") + file(b"a.mpy")),
        sealed(record(3, b"\0\0")),
        sealed(record(5, b"\5a.mpy" + record(3, b"\0\0"))),
        sealed(record(5, b"\5a.mpy" + record(2, b"x") + record(2, b"y"))),
        sealed(record(5, b"\x7fa.mpy")),
        sealed(b"\x80" + file(b"a.mpy")),
        sealed(b"\x80\x80\x80\x80\x80\x05"),
        sealed(file(b"a.mpy") + b"\x05\x7f"),
    ],
)
def test_an_image_in_any_other_form_is_refused(bundle: bytes) -> None:
    with pytest.raises(MalformedBundle):
        decode_image(bundle)


@pytest.mark.parametrize(
    "path",
    [
        "", "/a.mpy", "../a.mpy", "a/../b.mpy", "./a.mpy", "a//b.mpy", "a/", ".", "..", ".a", "a.",
        "a..b", "a", "a/b", "a.b/c.mpy", "A.mpy", "a b.mpy", "a\\b.mpy", "a\0.mpy", "c:a.mpy",
        "\u00e9.mpy", "a-b.mpy", "x" * 93 + ".mpy",
    ],
)  # fmt: skip
def test_no_path_leaves_the_image(path: str) -> None:
    with pytest.raises(UnsafePath):
        encode_image({path: b"x"})
    with pytest.raises(UnsafePath):
        decode_image(sealed(file(path.encode(), b"x")))


def test_what_no_node_could_hold_is_refused() -> None:
    for tree in (
        {"a.mpy": bytes(MAX_FILE_BYTES + 1)},
        {f"{i:03d}.mpy": b"" for i in range(MAX_FILES + 1)},
        {f"{i}.mpy": bytes(MAX_FILE_BYTES) for i in range(4)},
    ):
        with pytest.raises(TooLarge):
            encode_image(tree)
    with pytest.raises(TooLarge):
        decode_image(bytes(MAX_BUNDLE_BYTES + 1))
