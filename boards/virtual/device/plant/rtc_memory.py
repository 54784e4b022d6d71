"""SIMULATOR: the chip's RTC memory, which every reset leaves alone and no power cut does.

A brown-out resets the chip, which then reports a power-on, but leaves this memory as it was.
The bytes lie in a file (rtc.bin in the node's folder), because each boot is a process of its own.
"""

_FILE = "rtc.bin"
_MOST_BYTES = 2048


class RtcMemory:
    """What machine.RTC().memory() reads and replaces."""

    def __init__(self, is_lost: bool, folder: str = "") -> None:
        """`is_lost`: the supply was gone, so there is nothing in it."""
        self._path = folder + _FILE
        self._data = b""
        if is_lost:
            self.write(b"")
            return
        try:
            with open(self._path, "rb") as file:
                self._data = file.read(_MOST_BYTES)
        except OSError:
            pass  # a new chip

    def read(self) -> bytes:
        """All that was written last."""
        return self._data

    def write(self, data: bytes) -> None:
        """Replace it."""
        if len(data) > _MOST_BYTES:
            raise ValueError("buffer too long")
        self._data = data
        with open(self._path, "wb") as file:
            file.write(data)
