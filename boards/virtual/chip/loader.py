"""The serial loader of the ROM, and the stub that a host loads into RAM: bytes in, events out.

Owns: which command is answered how, in the ROM and in the stub. The stub's own machine code is
not run: a program that was loaded into RAM and started is taken for esptool's stub, and from then
on its commands and its form of answers are served.

loader = Loader(model, registers, flash)
for event in loader.receive(data):
    ...  # bytes for the host, Baud, or Restart

Source: Espressif, esptool documentation, "Serial Protocol".
"""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

from boards.virtual.chip import slip
from boards.virtual.chip.errors import FlashError
from boards.virtual.chip.flash import SECTOR_BYTES, Flash
from boards.virtual.chip.flash_reader import FlashReader
from boards.virtual.chip.flash_writer import FlashWriter
from boards.virtual.chip.memory import MemoryLoad
from boards.virtual.chip.models import Model
from boards.virtual.chip.packets import (
    STUB_FAULTS,
    STUB_UNKNOWN_COMMAND,
    CommandError,
    Fault,
    Opcode,
    Request,
    read_request,
    response,
)
from boards.virtual.chip.spi import Registers

# esptool's largest blocks are 16 KiB; the length field of a request ends at 64 KiB.
_LONGEST_PACKET = 65536 + 8
_SYNC_WORD = b"\x07\x07\x12\x20" + b"\x55" * 32
# The ROM answers a SYNC with this value; the stub with zero, by which hosts know it.
_SYNC_VALUE = 0x20120707
_SYNC_ANSWERS = 8
_SLOW_READ_BYTES = 64
_MOST_BAUD = 5_000_000
# A flash command works on this many words: id, size, block, sector, page, mask of the status.
_SPI_PARAMETERS = 6


@dataclass(frozen=True, slots=True)
class Baud:
    """From here on the chip's UART runs at another speed."""

    rate: int


@dataclass(frozen=True, slots=True)
class Restart:
    """The chip leaves the loader.

    Attributes:
        to_flash: For what is in flash; else it resets itself, and finds its straps as they were.
    """

    to_flash: bool


Event = bytes | Baud | Restart
_Handler = Callable[[Request], bytes | None]


class Loader:
    """The loader from one reset to the next."""

    def __init__(self, model: Model, registers: Registers, flash: Flash) -> None:
        self._model = model
        self._registers = registers
        self._flash = flash
        self._slip = slip.SlipDecoder(_LONGEST_PACKET)
        self._events: list[Event] = []
        self._memory: MemoryLoad | None = None
        self._writer: FlashWriter | None = None
        self._reader: FlashReader | None = None
        self._attached = False
        self._value = 0
        self._leaving: Restart | None = None
        self.is_stub = False
        self._rom_commands: dict[int, _Handler] = {
            Opcode.SYNC: self._sync,
            Opcode.READ_REG: self._read_register,
            Opcode.WRITE_REG: self._write_register,
            Opcode.MEM_BEGIN: self._memory_begin,
            Opcode.MEM_DATA: self._memory_data,
            Opcode.MEM_END: self._memory_end,
            Opcode.SPI_ATTACH: self._spi_attach,
            Opcode.SPI_SET_PARAMS: self._spi_parameters,
            Opcode.FLASH_BEGIN: self._flash_begin,
            Opcode.FLASH_DATA: self._flash_data,
            Opcode.FLASH_END: self._flash_end,
            Opcode.FLASH_DEFL_BEGIN: self._flash_begin,
            Opcode.FLASH_DEFL_DATA: self._flash_data,
            Opcode.FLASH_DEFL_END: self._flash_end,
            Opcode.SPI_FLASH_MD5: self._md5,
            Opcode.CHANGE_BAUDRATE: self._change_baud,
        }
        if model.says_security_info:
            self._rom_commands[Opcode.GET_SECURITY_INFO] = self._security_info
        self._stub_commands = {
            **self._rom_commands,
            Opcode.ERASE_FLASH: self._erase_flash,
            Opcode.ERASE_REGION: self._erase_region,
            Opcode.READ_FLASH: self._read_flash,
            Opcode.RUN_USER_CODE: self._run_user_code,
        }
        self._rom_commands[Opcode.READ_FLASH_SLOW] = self._read_flash_slow

    def receive(self, data: bytes) -> list[Event]:
        """What follows from bytes of the host.

        Raises:
            PowerCut: in the middle of a write to flash.
        """
        self._events = []
        for packet in self._slip.feed(data):
            if self._reader is not None:
                self._go_on_reading(packet)
            elif (request := read_request(packet)) is not None:
                self._serve(request)
        return self._events

    def _serve(self, request: Request) -> None:
        commands = self._stub_commands if self.is_stub else self._rom_commands
        handler = commands.get(request.opcode)
        was_stub = self.is_stub
        self._value = 0
        if handler is None:
            code = STUB_UNKNOWN_COMMAND if was_stub else Fault.INVALID_MESSAGE
            self._answer(request, b"", 1, code, was_stub)
            return
        try:
            data = handler(request)
        except CommandError as error:
            code = STUB_FAULTS[error.fault] if was_stub else error.fault
            self._answer(request, b"", 1, code, was_stub)
            return
        except FlashError:
            code = STUB_FAULTS[Fault.FLASH_WRITE] if was_stub else Fault.FLASH_WRITE
            self._answer(request, b"", 1, code, was_stub)
            return
        if data is not None:
            self._answer(request, data, 0, 0, was_stub)
        self._after(request)

    def _answer(self, request: Request, data: bytes, status: int, code: int, as_stub: bool) -> None:
        ending = bytes((status, code)) if as_stub else bytes((status, code, 0, 0))
        packet = response(request.opcode, data + ending, self._value)
        times = _SYNC_ANSWERS if request.opcode == Opcode.SYNC and not status else 1
        self._events.extend([slip.encode(packet)] * times)

    def _after(self, request: Request) -> None:
        """What happens once the answer is on the line."""
        if request.opcode == Opcode.MEM_END and self.is_stub and self._memory is None:
            self._events.append(slip.encode(b"OHAI"))
        elif request.opcode == Opcode.CHANGE_BAUDRATE:
            self._events.append(Baud(request.words(1)[0]))
        elif request.opcode == Opcode.READ_FLASH:
            self._go_on_reading(None)
        if self._leaving is not None:
            self._events.append(self._leaving)

    def _sync(self, request: Request) -> bytes:
        if request.data != _SYNC_WORD:
            raise CommandError(Fault.INVALID_MESSAGE)
        self._value = 0 if self.is_stub else _SYNC_VALUE
        return b""

    def _read_register(self, request: Request) -> bytes:
        self._value = self._registers.read(request.words(1)[0])
        return b""

    def _write_register(self, request: Request) -> bytes:
        # The ROM of an ESP32 takes several writes in one command: four words each.
        if len(request.data) % 16 or not request.data:
            raise CommandError(Fault.INVALID_MESSAGE)
        for address, value, mask, _delay_us in struct.iter_unpack("<4I", request.data):
            self._registers.write(address, value, mask)
        return b""

    def _memory_begin(self, request: Request) -> bytes:
        size, blocks, block_size, offset = request.words(4)
        self._memory = MemoryLoad(self._model, offset, size, blocks, block_size)
        return b""

    def _memory_data(self, request: Request) -> bytes:
        if self._memory is None:
            raise CommandError(Fault.FAILED_TO_ACT)
        self._memory.take(*request.block())
        return b""

    def _memory_end(self, request: Request) -> bytes:
        stay, entry = request.words(2)
        if self._memory is None:
            raise CommandError(Fault.FAILED_TO_ACT)
        self._memory.check_end(entry, bool(stay))
        self._memory = None
        if not stay:
            self.is_stub = True
            # The stub connects the flash by itself.
            self._attached = True
        return b""

    def _spi_attach(self, request: Request) -> bytes:
        request.words(1 if self.is_stub else 2)
        self._attached = True
        return b""

    def _spi_parameters(self, request: Request) -> bytes:
        _id, size, *_ = request.words(_SPI_PARAMETERS)
        if size == 0:
            raise CommandError(Fault.INVALID_MESSAGE)
        return b""

    def _need_flash(self) -> None:
        if not self._attached:
            raise CommandError(Fault.FAILED_TO_ACT)

    def _flash_begin(self, request: Request) -> bytes:
        size, blocks, _block_size, offset = request.words(4)
        if size:  # without any it only prepares for FLASH_END
            self._need_flash()
        compressed = request.opcode == Opcode.FLASH_DEFL_BEGIN
        self._writer = FlashWriter(self._flash, offset, size, blocks, compressed)
        if not self.is_stub:
            self._writer.erase_all()
        return b""

    def _flash_data(self, request: Request) -> bytes:
        if self._writer is None:
            raise CommandError(Fault.FAILED_TO_ACT)
        self._writer.take(*request.block())
        return b""

    def _flash_end(self, request: Request) -> bytes:
        (no_reset,) = request.words(1)
        self._writer = None
        if not no_reset:
            self._leaving = Restart(to_flash=False)
        elif not self.is_stub:
            # The ROM has nothing else left to do: it goes on to the program.
            self._leaving = Restart(to_flash=True)
        return b""

    def _md5(self, request: Request) -> bytes:
        self._need_flash()
        offset, size = request.words(2)
        digest = hashlib.md5(self._flash.read(offset, size), usedforsecurity=False)
        return digest.digest() if self.is_stub else digest.hexdigest().encode()

    def _change_baud(self, request: Request) -> bytes:
        if not 0 < request.words(1)[0] <= _MOST_BAUD:
            raise CommandError(Fault.INVALID_MESSAGE)
        return b""

    def _security_info(self, request: Request) -> bytes:
        """Nothing is burnt: no secure boot, no encryption, no keys."""
        return struct.pack("<IB7xII", 0, 0, self._model.image_id, 0)

    def _read_flash_slow(self, request: Request) -> bytes:
        self._need_flash()
        offset, size = request.words(2)
        if size > _SLOW_READ_BYTES:
            raise CommandError(Fault.FLASH_READ_LENGTH)
        return self._flash.read(offset, size).ljust(_SLOW_READ_BYTES, b"\0")

    def _erase_flash(self, request: Request) -> bytes:
        self._need_flash()
        self._flash.erase(0, self._flash.size)
        return b""

    def _erase_region(self, request: Request) -> bytes:
        self._need_flash()
        offset, size = request.words(2)
        if offset % SECTOR_BYTES or size % SECTOR_BYTES:
            raise CommandError(Fault.INVALID_MESSAGE)
        self._flash.erase(offset, size)
        return b""

    def _read_flash(self, request: Request) -> bytes:
        self._need_flash()
        self._reader = FlashReader(self._flash, *request.words(4))
        return b""

    def _go_on_reading(self, acknowledgement: bytes | None) -> None:
        reader = self._reader
        assert reader is not None
        self._events.extend(slip.encode(packet) for packet in reader.go_on(acknowledgement))
        if reader.is_over:
            self._reader = None

    def _run_user_code(self, request: Request) -> None:
        self._leaving = Restart(to_flash=True)
