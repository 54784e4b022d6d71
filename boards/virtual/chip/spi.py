"""The chip's registers, and behind its SPI controller the flash's own commands.

The host reads a flash's identity by filling the SPI controller's registers and starting a user
command, as a driver on the chip does.

Source: ESP32 Technical Reference Manual, chapter "SPI"; JEDEC JEP106 (manufacturers);
GigaDevice GD25Q64 datasheet, table of commands.
"""

from boards.virtual.chip.flash import Flash
from boards.virtual.chip.models import Model

_MAGIC_AT = 0x40001000
_USER_COMMAND = 1 << 18
_GIGADEVICE = 0xC8
_SPI_NOR = 0x40
_READ_STATUS, _READ_STATUS_2, _WRITE_STATUS = 0x05, 0x35, 0x01
_WRITE_ENABLE, _WRITE_DISABLE, _READ_ID = 0x06, 0x04, 0x9F
_WRITE_ENABLED = 0x02
# Registers that a host may fill; a chip has some thousand, and no more are kept.
_MOST_WRITTEN = 4096


class Registers:
    """What READ_REG and WRITE_REG see."""

    def __init__(self, model: Model, mac: bytes, flash: Flash) -> None:
        self._spi = model.spi
        self._fixed = {**model.fuses(mac), _MAGIC_AT: model.magic}
        self._written: dict[int, int] = {}
        self._flash = flash
        self._status = 0
        self._status_2 = 0x02  # quad enabled, as modules are delivered

    def read(self, address: int) -> int:
        """A register; what nobody defined or wrote is zero."""
        return self._fixed.get(address, self._written.get(address, 0))

    def write(self, address: int, value: int, mask: int = 0xFFFFFFFF) -> None:
        """Set the bits of a register that the mask names; fixed ones stay."""
        if address in self._fixed:
            return
        if address == self._spi.base and value & mask & _USER_COMMAND:
            self._run_flash_command()
            return
        if address in self._written or len(self._written) < _MOST_WRITTEN:
            self._written[address] = self.read(address) & ~mask | value & mask

    def _run_flash_command(self) -> None:
        """One command over the flash's bus; it is over before the host can ask."""
        spi = self._spi
        command = self.read(spi.base + spi.usr2) & 0xFF
        answer = 0
        if command == _READ_ID:
            size_code = self._flash.size.bit_length() - 1
            answer = size_code << 16 | _SPI_NOR << 8 | _GIGADEVICE
        elif command == _READ_STATUS:
            answer = self._status
        elif command == _READ_STATUS_2:
            answer = self._status_2
        elif command == _WRITE_ENABLE:
            self._status |= _WRITE_ENABLED
        elif command == _WRITE_DISABLE:
            self._status &= ~_WRITE_ENABLED
        elif command == _WRITE_STATUS and self._status & _WRITE_ENABLED:
            self._status = self.read(spi.base + spi.data) & 0xFC
        bits = (self.read(spi.base + spi.miso_bits) & 0x3FF) + 1
        self._written[spi.base + spi.data] = answer & (1 << bits) - 1
