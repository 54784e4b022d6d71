"""SIMULATOR: a partition of a flash image as a block device, under the rules of NOR.

An erase makes a sector 0xFF, a write with an offset only clears bits. What was written is in
the image at once, so a process that is killed leaves what a board without power leaves.
"""

SECTOR_BYTES = 4096
_BLOCK_COUNT = 4
_BLOCK_SIZE = 5
_BLOCK_ERASE = 6


class NorFlash:
    """One partition."""

    # Bytes that all partitions may still write before the power goes; None: it stays.
    left = None
    # Called when it goes; does not return.
    on_cut = None

    def __init__(self, image: object, offset: int, size: int) -> None:
        self.image = image
        self.offset = offset
        self._size = size

    def ioctl(self, command: int, argument: int) -> int | None:
        if command == _BLOCK_COUNT:
            return self._size // SECTOR_BYTES
        if command == _BLOCK_SIZE:
            return SECTOR_BYTES
        if command == _BLOCK_ERASE:
            self._put(self._at(argument, 0, SECTOR_BYTES), b"\xff" * SECTOR_BYTES)
            return 0
        return None

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        self.image.seek(self._at(block, offset, len(buffer)))
        self.image.readinto(buffer)

    def writeblocks(self, block: int, data: bytes, offset: int | None = None) -> None:
        """Without an offset the sectors are erased first."""
        at = self._at(block, offset or 0, len(data))
        if offset is not None:
            old = bytearray(len(data))
            self.readblocks(block, old, offset)
            if old.count(b"\xff") < len(old):
                both = int.from_bytes(old, "big") & int.from_bytes(data, "big")
                data = both.to_bytes(len(data), "big")
        self._put(at, data)

    def _at(self, block: int, offset: int, size: int) -> int:
        at = block * SECTOR_BYTES + offset
        if block < 0 or offset < 0 or at + size > self._size:
            raise OSError(22)  # EINVAL, as on the chip
        return self.offset + at

    def _put(self, at: int, data: bytes) -> None:
        left = NorFlash.left
        if left is not None and len(data) > left:
            self.image.seek(at)
            self.image.write(data[:left])
            NorFlash.on_cut()
        if left is not None:
            NorFlash.left = left - len(data)
        self.image.seek(at)
        self.image.write(data)
