"""Requests and responses of the serial loader, as values.

Source: Espressif, esptool documentation, "Serial Protocol": command packet, response packet,
status bytes, checksum, commands.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct("<BBHI")
_REQUEST, _RESPONSE = 0, 1
_CHECKSUM_SEED = 0xEF


class Opcode(IntEnum):
    """Commands; from ERASE_FLASH on they are the stub's alone."""

    FLASH_BEGIN = 0x02
    FLASH_DATA = 0x03
    FLASH_END = 0x04
    MEM_BEGIN = 0x05
    MEM_END = 0x06
    MEM_DATA = 0x07
    SYNC = 0x08
    WRITE_REG = 0x09
    READ_REG = 0x0A
    SPI_SET_PARAMS = 0x0B
    SPI_ATTACH = 0x0D
    READ_FLASH_SLOW = 0x0E
    CHANGE_BAUDRATE = 0x0F
    FLASH_DEFL_BEGIN = 0x10
    FLASH_DEFL_DATA = 0x11
    FLASH_DEFL_END = 0x12
    SPI_FLASH_MD5 = 0x13
    GET_SECURITY_INFO = 0x14
    ERASE_FLASH = 0xD0
    ERASE_REGION = 0xD1
    READ_FLASH = 0xD2
    RUN_USER_CODE = 0xD3


class Fault(IntEnum):
    """Why a command failed, in the ROM loader's numbers."""

    INVALID_MESSAGE = 0x05
    FAILED_TO_ACT = 0x06
    INVALID_CHECKSUM = 0x07
    FLASH_WRITE = 0x08
    FLASH_READ = 0x09
    FLASH_READ_LENGTH = 0x0A
    DEFLATE = 0x0B


# The same faults in the stub's numbers.
STUB_FAULTS = {
    Fault.INVALID_MESSAGE: 0xC0,  # bad data length
    Fault.INVALID_CHECKSUM: 0xC1,
    Fault.FAILED_TO_ACT: 0xC6,  # failed SPI operation
    Fault.FLASH_WRITE: 0xC6,
    Fault.FLASH_READ: 0xC6,
    Fault.FLASH_READ_LENGTH: 0xC2,  # bad block size
    Fault.DEFLATE: 0xC9,
}
STUB_UNKNOWN_COMMAND = 0xFF


class CommandError(Exception):
    """A command that fails; the host gets the fault's number."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Request:
    """A command from the host.

    Attributes:
        opcode: Which; maybe one that nobody knows.
        checksum: What the host says of the data of a block.
        data: The rest.
    """

    opcode: int
    checksum: int
    data: bytes

    def words(self, count: int) -> tuple[int, ...]:
        """The first 32-bit words of the data.

        Raises:
            CommandError: there are not so many.
        """
        if len(self.data) < 4 * count:
            raise CommandError(Fault.INVALID_MESSAGE)
        return struct.unpack_from(f"<{count}I", self.data)

    def block(self) -> tuple[int, bytes]:
        """Number and bytes of a block of data, its checksum proven.

        Raises:
            CommandError: length or checksum is wrong.
        """
        size, number, _, _ = self.words(4)
        data = self.data[16:]
        if size != len(data):
            raise CommandError(Fault.INVALID_MESSAGE)
        if checksum_of(data) != self.checksum:
            raise CommandError(Fault.INVALID_CHECKSUM)
        return number, data


def checksum_of(data: bytes) -> int:
    """XOR of all bytes, begun with 0xEF."""
    # Fold by halves: a thousand times faster than byte by byte, and flashing is made of this.
    value = int.from_bytes(data, "little")
    size = 1 << max(len(data) - 1, 0).bit_length()
    while size > 1:
        size //= 2
        value = (value >> (8 * size)) ^ (value & ((1 << (8 * size)) - 1))
    return value ^ _CHECKSUM_SEED


def read_request(packet: bytes) -> Request | None:
    """A packet as a request; None where it is none."""
    if len(packet) < _HEADER.size:
        return None
    direction, opcode, size, checksum = _HEADER.unpack_from(packet)
    data = packet[_HEADER.size :]
    if direction != _REQUEST or size != len(data):
        return None
    return Request(opcode, checksum, data)


def response(opcode: int, data: bytes = b"", value: int = 0) -> bytes:
    """A response, its status bytes being the end of `data`."""
    return _HEADER.pack(_RESPONSE, opcode & 0xFF, len(data), value) + data
