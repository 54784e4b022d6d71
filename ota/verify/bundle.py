"""The application's files as one stream, read in pieces of any size.

    "CFB1" then for each file: u8 path length, path, u32 big-endian size, bytes

Paths are relative, of lower-case letters, digits and _, folders without a dot and files
with at least one (firmware/core/clock.mpy): so no path can leave the slot, and none can be
a file here and a folder there. They are strictly ascending: nothing comes twice, and the
same tree has one form. Never holds more than a header and the piece it was fed.

    reader = BundleReader(fields["length"])
    for chunk in chunks:
        for path, data, end in reader.feed(chunk):  # data may be empty; end closes the file
            ...
    reader.finish()

BundleHash checks length and SHA-256; feed it what was read back from flash, before the
reader: the reader alone proves nothing about who wrote the bytes.
"""

import hashlib
from binascii import hexlify

from ota.verify.errors import (
    HashMismatch,
    LengthMismatch,
    MalformedBundle,
    TooLarge,
    UnsafePath,
    UpdateError,
)
from ota.verify.limits import MAX_BUNDLE_BYTES, MAX_FILE_BYTES, MAX_FILES, MAX_PATH_BYTES

MAGIC = b"CFB1"

_NAME_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789_"

# What the next header bytes are; _DATA is a file's content, _BROKEN follows a refusal.
_MAGIC, _PATH_LENGTH, _PATH, _SIZE, _DATA, _BROKEN = range(6)


class BundleHash:
    """Length and SHA-256 of a bundle against its manifest."""

    def __init__(self, length: int, sha256: str) -> None:
        self._left = length
        self._expected = sha256
        self._hash = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            LengthMismatch: there are more than the manifest says.
        """
        self._left -= len(data)
        if self._left < 0:
            raise LengthMismatch("longer than the manifest says")
        self._hash.update(data)

    def finish(self) -> None:
        """Judge the whole; once, as MicroPython's hashes end with their digest.

        Raises:
            LengthMismatch: bytes are missing.
            HashMismatch: the bytes are not those that were signed.
        """
        if self._left:
            raise LengthMismatch("%d bytes are missing" % self._left)
        actual = hexlify(self._hash.digest()).decode()
        if actual != self._expected:
            raise HashMismatch("is %s, signed was %s" % (actual, self._expected))


class BundleReader:
    """Cuts a stream of bundle bytes into pieces of files."""

    def __init__(self, length: int) -> None:
        """Start a bundle of `length` bytes.

        Raises:
            TooLarge: more than MAX_BUNDLE_BYTES.
        """
        if length > MAX_BUNDLE_BYTES:
            raise TooLarge("bundle of %d bytes" % length)
        self._left = length  # of the bundle, not yet read
        self._expect = _MAGIC
        self._need = len(MAGIC)
        self._header = b""
        self._path = ""
        self._file_left = 0
        self._files = 0

    def feed(self, data: bytes) -> list[tuple[str, bytes, bool]]:
        """Read the next piece.

        Returns:
            (path, bytes, end) in order; the path comes with every piece of its file.

        Raises:
            LengthMismatch: more bytes than were declared.
            MalformedBundle: wrong magic, order, or a file that runs past the end.
            UnsafePath: a path outside the grammar.
            TooLarge: a file or their number.
        """
        try:
            return self._read(data)
        except UpdateError:
            self._expect = _BROKEN
            raise

    def finish(self) -> None:
        """Check that the stream ended where it said it would, at the end of a file.

        Raises:
            LengthMismatch: bytes are missing.
            MalformedBundle: there is no file, or reading was refused before.
        """
        if self._expect == _BROKEN:
            raise MalformedBundle("refused before")
        if self._left:
            raise LengthMismatch("%d bytes are missing" % self._left)
        if self._expect != _PATH_LENGTH or not self._files:
            raise MalformedBundle("ends inside a file")

    def _read(self, data: bytes) -> list[tuple[str, bytes, bool]]:
        if self._expect == _BROKEN:
            raise MalformedBundle("refused before")
        events: list[tuple[str, bytes, bool]] = []
        start = 0
        # What is wrong before the declared end is told first, however the pieces fall.
        while start < len(data):
            if not self._left:
                raise LengthMismatch("longer than declared")
            if self._expect == _DATA:
                taken = min(self._file_left, len(data) - start)  # never past _left
                self._file_left -= taken
                events.append((self._path, data[start : start + taken], not self._file_left))
                if not self._file_left:
                    self._next(_PATH_LENGTH, 1)
            else:
                taken = min(self._need - len(self._header), len(data) - start, self._left)
                self._header += data[start : start + taken]
            self._left -= taken
            start += taken
            if self._expect != _DATA and len(self._header) == self._need:
                self._header_done(events)
        return events

    def _next(self, expect: int, need: int) -> None:
        self._expect = expect
        self._need = need
        self._header = b""

    def _header_done(self, events: list[tuple[str, bytes, bool]]) -> None:
        """Act on a complete header part and say what comes next."""
        header = self._header
        if self._expect == _MAGIC:
            if header != MAGIC:
                raise MalformedBundle("not a bundle")
            self._next(_PATH_LENGTH, 1)
        elif self._expect == _PATH_LENGTH:
            if not 1 <= header[0] <= MAX_PATH_BYTES:
                raise UnsafePath("of %d bytes" % header[0])
            self._next(_PATH, header[0])
        elif self._expect == _PATH:
            self._start_file(header)
            self._next(_SIZE, 4)
        else:
            self._file_left = int.from_bytes(header, "big")
            if self._file_left > MAX_FILE_BYTES:
                raise TooLarge("%s has %d bytes" % (self._path, self._file_left))
            if self._file_left > self._left:
                raise MalformedBundle(self._path + " runs past the end")
            if self._file_left:
                self._next(_DATA, 0)
            else:
                events.append((self._path, b"", True))
                self._next(_PATH_LENGTH, 1)

    def _start_file(self, raw_path: bytes) -> None:
        path = check_path(raw_path)
        if path <= self._path:
            raise MalformedBundle(path + " is out of order")
        self._path = path
        self._files += 1
        if self._files > MAX_FILES:
            raise TooLarge("more than %d files" % MAX_FILES)


def check_path(raw_path: bytes) -> str:
    """Read a path of the bundle.

    Raises:
        UnsafePath: empty or too long, absolute, a part that is empty, "." or "..", a folder
            with a dot, a file without one, or any character outside [a-z0-9_./].
    """
    if not 1 <= len(raw_path) <= MAX_PATH_BYTES:
        raise UnsafePath("of %d bytes" % len(raw_path))
    for byte in raw_path:
        if byte > 127:
            raise UnsafePath(repr(raw_path))
    path = raw_path.decode()
    parts = path.split("/")
    for i in range(len(parts)):
        names = parts[i].split(".")
        is_file = i == len(parts) - 1
        if is_file != (len(names) > 1):
            raise UnsafePath(path + ": folders have no dot, files have one")
        for name in names:
            if not name:
                raise UnsafePath(path + ": has an empty name")
            for char in name:
                if char not in _NAME_CHARS:
                    raise UnsafePath(repr(path))
    return path
