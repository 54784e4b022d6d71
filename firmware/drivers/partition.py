# A raw flash partition as sectors (core/flash.py). A write with an offset does not erase first:
# the chip can only clear bits then. The partition is not encrypted, since an encrypted one takes
# whole blocks of 16 bytes, each once.
#
# Source: MicroPython documentation, class esp32.Partition; block device ioctl 4, 5, 6.

_COUNT = 4
_SIZE = 5
_ERASE = 6
_SECTOR_BYTES = 4096
# The first subtype that ESP-IDF leaves to applications, and the one of MicroPython's own maps.
DATA = 0x40
ROMFS = 0x8F


# The partition with a label; None where the flash map has none, or the chip no flash map.
def open_partition(label: str, subtype: int = DATA) -> object:
    try:
        from esp32 import Partition
    except ImportError:
        return None
    found = Partition.find(type=Partition.TYPE_DATA, subtype=subtype, label=label)
    if not found or found[0].ioctl(_SIZE, 0) != _SECTOR_BYTES:
        return None
    return PartitionFlash(found[0])


class PartitionFlash:
    def __init__(self, partition: object) -> None:
        self._partition = partition
        self.sector_count = partition.ioctl(_COUNT, 0)

    def read(self, sector: int, offset: int, buffer: bytearray) -> None:
        self._partition.readblocks(sector, buffer, offset)

    def program(self, sector: int, offset: int, data: bytes) -> None:
        self._partition.writeblocks(sector, data, offset)

    def erase(self, sector: int) -> None:
        self._partition.ioctl(_ERASE, sector)
