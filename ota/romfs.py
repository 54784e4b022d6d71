"""The bundle: an application's files as one image that MicroPython runs in place.

    D2 CD 31, payload length, payload           a ROMFS image: VfsRom mounts it from mapped flash
    CRC-32 of all that, little endian           what the bootstrap checks before it mounts

A payload is records of (kind, length, content); numbers are big-endian groups of seven bits, all
but the last with the top bit set. Kind 4 is a folder: length of its name, name, records; kind 5
is a file: the same with one record of kind 2, its bytes. Names ascend and nothing else occurs,
so that the same files have one form.

Paths are relative, of lower-case letters, digits and _, folders without a dot and files with at
least one (firmware/core/clock.mpy).

Source: MicroPython 1.25 documentation, "Working with ROMFS"; micropython PR 8381 and 16857.
"""

import zlib
from collections.abc import Iterator
from typing import Union

from ota.verify.errors import MalformedBundle, TooLarge, UnsafePath
from ota.verify.limits import MAX_BUNDLE_BYTES

HEADER = b"\xd2\xcd\x31"
CRC_BYTES = 4
# The loader reads a module's names into the heap; a file of half a 128 KB heap could never run.
MAX_FILE_BYTES = 64 * 1024
# An application has about 80 today; bounds the search of an import.
MAX_FILES = 160
# Deep enough for firmware/drivers/<part>.mpy with room.
MAX_PATH_BYTES = 96

_DATA = 2
_FOLDER = 4
_FILE = 5
_NUMBER_BYTES = 5
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")

_Tree = dict[str, Union[bytes, "_Tree"]]


def encode_image(files: dict[str, bytes]) -> bytes:
    """Lay files by path out as an image.

    Raises:
        UpdateError: unsafe_path, too_large or malformed_bundle (no file at all).
    """
    if not files:
        raise MalformedBundle("no file")
    if len(files) > MAX_FILES:
        raise TooLarge(f"more than {MAX_FILES} files")
    tree: _Tree = {}
    for path in files:
        check_path(path)
        if len(files[path]) > MAX_FILE_BYTES:
            raise TooLarge(f"{path} has {len(files[path])} bytes")
        *folders, name = path.split("/")
        at = tree
        for folder in folders:
            # A folder has no dot and a file has one, so this is never a file.
            at = at.setdefault(folder, {})
            assert isinstance(at, dict)
        at[name] = files[path]
    payload = _records(tree)
    image = HEADER + _number(len(payload)) + payload
    bundle = image + zlib.crc32(image).to_bytes(CRC_BYTES, "little")
    if len(bundle) > MAX_BUNDLE_BYTES:
        raise TooLarge(f"bundle of {len(bundle)} bytes")
    return bundle


def decode_image(bundle: bytes) -> dict[str, bytes]:
    """Read the files of an image, by path.

    Raises:
        UpdateError: malformed_bundle, unsafe_path or too_large.
    """
    if len(bundle) > MAX_BUNDLE_BYTES:
        raise TooLarge(f"bundle of {len(bundle)} bytes")
    image, crc = bundle[:-CRC_BYTES], bundle[-CRC_BYTES:]
    if not image.startswith(HEADER):
        raise MalformedBundle("not a bundle")
    if zlib.crc32(image).to_bytes(CRC_BYTES, "little") != crc:
        raise MalformedBundle("wrong CRC")
    length, start = _read_number(image, len(HEADER), len(image))
    if start + length != len(image):
        raise MalformedBundle("wrong length")
    files = dict(_files(image, start, len(image), ""))
    # One form for the same files: order, spelling of numbers and kinds of records.
    if encode_image(files) != bundle:
        raise MalformedBundle("not in canonical form")
    return files


def check_path(path: str) -> None:
    """Check a path of an application.

    Raises:
        UnsafePath: empty or too long, absolute, a part that is empty, "." or "..", a folder
            with a dot, a file without one, or any character outside [a-z0-9_./].
    """
    if not 1 <= len(path) <= MAX_PATH_BYTES:
        raise UnsafePath(f"of {len(path)} bytes")
    *folders, name = path.split("/")
    if any("." in folder for folder in folders) or "." not in name:
        raise UnsafePath(f"{path!r}: folders have no dot, files have one")
    for part in [*folders, *name.split(".")]:
        if not part or not _NAME_CHARS.issuperset(part):
            raise UnsafePath(repr(path))


def _records(tree: _Tree) -> bytes:
    parts: list[bytes] = []
    for name in sorted(tree):
        content = tree[name]
        head = _number(len(name)) + name.encode()
        if isinstance(content, dict):
            parts.append(_record(_FOLDER, head + _records(content)))
        else:
            parts.append(_record(_FILE, head + _record(_DATA, content)))
    return b"".join(parts)


def _record(kind: int, content: bytes) -> bytes:
    return _number(kind) + _number(len(content)) + content


def _number(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))


def _files(image: bytes, at: int, end: int, folder: str) -> Iterator[tuple[str, bytes]]:
    while at < end:
        kind, start, at = _read_record(image, at, end)
        length, start = _read_number(image, start, at)
        if start + length > at:
            raise MalformedBundle("a name runs past its record")
        try:
            path = folder + image[start : start + length].decode("ascii")
        except UnicodeDecodeError as error:
            raise UnsafePath(repr(image[start : start + length])) from error
        start += length
        if len(path) > MAX_PATH_BYTES:
            raise UnsafePath(f"of {len(path)} bytes")
        if kind == _FOLDER:
            yield from _files(image, start, at, path + "/")
        elif kind == _FILE:
            inner, start, stop = _read_record(image, start, at)
            if inner != _DATA or stop != at:
                raise MalformedBundle(f"{path} is not one piece of data")
            yield path, image[start:stop]
        else:
            raise MalformedBundle(f"a record of kind {kind}")


def _read_record(image: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Kind, first byte and end of the content of the record at a place."""
    kind, at = _read_number(image, at, end)
    length, at = _read_number(image, at, end)
    if at + length > end:
        raise MalformedBundle("a record runs past its end")
    return kind, at, at + length


def _read_number(image: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for place in range(at, min(at + _NUMBER_BYTES, end)):
        value = value << 7 | image[place] & 0x7F
        if image[place] < 0x80:
            return value, place + 1
    raise MalformedBundle("a number has no end")
