"""What can go wrong with a virtual chip that is not a bug."""

from boards.virtual.errors import BenchError


class ChipError(BenchError):
    """The chip cannot be started or does not know what it is told to do."""


class FlashError(ChipError):
    """The flash image cannot be used."""


class ImageError(ChipError):
    """Bytes in flash are no image that this chip boots; the text is what its boot loader prints."""


class TableError(ChipError):
    """There is no valid partition table; the text is what the boot loader prints."""


class PowerCut(Exception):
    """The power went away in the middle of a write."""
