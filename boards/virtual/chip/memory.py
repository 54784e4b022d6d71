"""MEM_BEGIN .. MEM_END: a program on its way into RAM.

Its bytes are checked and counted, not kept: no virtual chip runs them (loader.py).
"""

from boards.virtual.chip.models import Model
from boards.virtual.chip.packets import CommandError, Fault


class MemoryLoad:
    """One segment; several may follow each other before the program is started."""

    def __init__(self, model: Model, offset: int, size: int, blocks: int, block_size: int) -> None:
        """Begin.

        Raises:
            CommandError: there is no RAM, or the blocks do not hold the size.
        """
        if not any(offset in each and offset + size <= each.stop for each in model.ram):
            raise CommandError(Fault.INVALID_MESSAGE)
        if blocks * block_size < size:
            raise CommandError(Fault.INVALID_MESSAGE)
        self._model = model
        self._size = size
        self._blocks = blocks
        self._next_block = 0
        self._got = 0

    def take(self, number: int, data: bytes) -> None:
        """Take a block.

        Raises:
            CommandError: out of order, or more than was said.
        """
        if number != self._next_block or number >= self._blocks:
            raise CommandError(Fault.INVALID_MESSAGE)
        self._next_block += 1
        self._got += len(data)
        if self._got > self._size:
            raise CommandError(Fault.INVALID_MESSAGE)

    def check_end(self, entry: int, stay: bool) -> None:
        """Whether the program can be started.

        Raises:
            CommandError: bytes are missing, or the entry lies outside of RAM.
        """
        if self._got < self._size:
            raise CommandError(Fault.INVALID_MESSAGE)
        if not stay and not any(entry in each for each in self._model.ram):
            raise CommandError(Fault.FAILED_TO_ACT)
