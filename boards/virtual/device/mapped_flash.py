"""SIMULATOR of MicroPython's vfs.rom_ioctl: the partition "romfs", mapped into memory.

The port of this MicroPython has no such function, so a module that has it stands in for vfs. As
on a chip the mapping is shared with what esp32.Partition programs, and cannot be written: a
write by way of the mapping ends the process.

Source: micropython PR 16857, ports/esp32/vfs_rom_ioctl.c.
"""

import sys

import esp32
import vfs

_LABEL = "romfs"
_COUNT = 1
_SEGMENT = 2
_EINVAL = -22
_PROT_READ = 1
_MAP_SHARED = 1


class Vfs:
    """What takes the place of the module vfs; see install."""

    def __init__(self) -> None:
        for name in dir(vfs):
            if not name.startswith("__"):
                setattr(self, name, getattr(vfs, name))
        self._memory = None

    def rom_ioctl(self, command: int, segment: int = 0) -> int | memoryview:
        """How many mapped partitions there are, and the memory of one."""
        if self._memory is None:
            self._memory = _mapped()
        if command == _COUNT:
            return 0 if self._memory is None else 1
        if command != _SEGMENT or segment or self._memory is None:
            return _EINVAL
        return self._memory


def install() -> None:
    """From here on `import vfs` finds the chip's."""
    sys.modules["vfs"] = Vfs()


def _mapped() -> memoryview | None:
    found = esp32.Partition.find(type=esp32.Partition.TYPE_DATA, label=_LABEL)
    if not found:
        return None
    file, offset = found[0].place()
    size = found[0].info()[3]
    import ffi
    import uctypes

    library = ffi.open(None)
    at = library.func("P", "mmap", "PLiiil")(0, size, _PROT_READ, _MAP_SHARED, file, offset)
    return memoryview(uctypes.bytearray_at(at, size))
