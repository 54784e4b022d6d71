"""READ_FLASH of the stub: packets that run ahead of their acknowledgements, then an MD5.

Source: Espressif, esptool documentation, "Serial Protocol", reading flash.
"""

import hashlib
import struct
from collections.abc import Iterator

from boards.virtual.chip.flash import Flash
from boards.virtual.chip.packets import CommandError, Fault

_LARGEST_PACKET = 16384
# Acknowledgements that make no sense, one after another, before the stub gives the read up.
_MOST_WRONG = 16


class FlashReader:
    """One read; `go_on` says what to send next.

    Attributes:
        is_over: All was sent and acknowledged, or the host talks of something else.
    """

    def __init__(self, flash: Flash, offset: int, size: int, packet: int, in_flight: int) -> None:
        """Begin.

        Raises:
            CommandError: outside of the flash, or packets that the stub has no memory for.
        """
        if offset + size > flash.size:
            raise CommandError(Fault.INVALID_MESSAGE)
        if not 0 < packet <= _LARGEST_PACKET or not in_flight:
            raise CommandError(Fault.FLASH_READ_LENGTH)
        self._flash = flash
        self._offset = offset
        self._size = size
        self._packet = packet
        self._window = packet * in_flight
        self._sent = 0
        self._acknowledged = 0
        self._wrong = 0
        self._digest = hashlib.md5(usedforsecurity=False)
        self.is_over = False

    def go_on(self, acknowledgement: bytes | None) -> Iterator[bytes]:
        """The packets that may be sent now; None for the first time."""
        if acknowledgement is not None and not self._accepts(acknowledgement):
            return
        while self._sent < self._size and self._sent - self._acknowledged < self._window:
            count = min(self._packet, self._size - self._sent)
            data = self._flash.read(self._offset + self._sent, count)
            self._digest.update(data)
            self._sent += count
            yield data
        if self._acknowledged >= self._size:
            self.is_over = True
            yield self._digest.digest()

    def _accepts(self, acknowledgement: bytes) -> bool:
        if len(acknowledgement) == 4:
            (total,) = struct.unpack("<I", acknowledgement)
            if self._acknowledged <= total <= self._sent:
                self._acknowledged = total
                self._wrong = 0
                return True
        self._wrong += 1
        self.is_over = self._wrong >= _MOST_WRONG
        return False
