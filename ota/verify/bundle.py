"""Length and SHA-256 of a bundle against its signed manifest.

Feed it what was read back from flash. The hash is all that a node needs: who signed it has read
the whole image before (ota/romfs.py), and the bootstrap mounts nothing whose CRC is wrong.

    judge = BundleHash(fields["length"], fields["sha256"])
    for piece in pieces:
        judge.update(piece)
    judge.finish()
"""

import hashlib
from binascii import hexlify

from ota.verify.errors import HashMismatch, LengthMismatch


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
