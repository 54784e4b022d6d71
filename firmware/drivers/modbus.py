# Modbus RTU master on a UART behind an RS485 transceiver; one for all parts on its bus.
#
#     words = await board.modbus("uart2").read(INPUT, address, register, count)
#
# One request is on the bus at a time; who waits is served in turn. An answer is looked for
# anywhere in what arrives, so a request that the transceiver echoes, and noise from the
# moment the line turns round, do no harm. Source: MODBUS over Serial Line V1.02, 2.5.1.

import asyncio
import time

from firmware.core.errors import SensorError

HOLDING = 3
INPUT = 4
# Modbus Application Protocol V1.1b3, 6.3: the most that one answer may hold.
_REGISTERS = 125
# A meter that is busy with its own measuring answers within 100 ms, radars within 200.
_ANSWER_MS = 300
_TRIES = 3
_POLL_MS = 5
# Exceptions "acknowledge" and "busy" mean later, all others no.
_LATER = (5, 6)
# What may stand before an answer: an echo and the noise of the turn-round.
_NOISE_BYTES = 64
# A line that is never quiet for so many gaps has somebody babbling on it.
_GAPS = 50


class ModbusError(SensorError):
    # reason: "silent", "damaged", "busy" (the line is never quiet) or "refused" with the
    # exception's code.
    name = "modbus_failure"

    def __init__(self, address: int, reason: str, code: int = 0) -> None:
        super().__init__("%d %s%s" % (address, reason, " %d" % code if code else ""))
        self.reason = reason
        self.code = code


class Modbus:
    # direction: a pin that is high while the transceiver drives the line; None where the
    # transceiver turns by itself.
    def __init__(self, uart: object, baud: int, direction: object = None) -> None:
        self._uart = uart
        self._baud = baud
        self._direction = direction
        # 3.5 characters of 11 bits, 1.75 ms at the least, and one for the tick that is lost.
        self._gap_ms = max(2, -(-38500 // baud)) + 1
        self._lock = asyncio.Lock()

    # `count` 16-bit registers from `register` on. Raises ModbusError after three tries.
    async def read(self, function: int, address: int, register: int, count: int) -> list[int]:
        assert 1 <= address <= 247 and 1 <= count <= _REGISTERS
        request = bytes((address, function, register >> 8, register & 0xFF, 0, count))
        crc = crc16(request, 0, 6)
        request += bytes((crc & 0xFF, crc >> 8))
        tries = 1
        while True:
            async with self._lock:
                try:
                    return await self._ask(request, count)
                except ModbusError as error:
                    if tries == _TRIES or error.code and error.code not in _LATER:
                        raise
            tries += 1

    async def _ask(self, request: bytes, count: int) -> list[int]:
        uart = self._uart
        await self._silence(request[0])
        if self._direction is None:
            uart.write(request)
        else:
            # A slave may answer 3.5 characters later: no other task may run before the line
            # is given free. It takes 8 characters, 8 ms at 9600 baud.
            self._direction.value(1)
            try:
                uart.write(request)
                uart.flush()
            finally:
                self._direction.value(0)
        size = 5 + 2 * count
        most = size + len(request) + _NOISE_BYTES
        wait_ms = _ANSWER_MS + size * 11000 // self._baud
        began_ms = time.ticks_ms()
        heard = b""
        while time.ticks_diff(time.ticks_ms(), began_ms) < wait_ms and len(heard) <= most:
            await asyncio.sleep_ms(_POLL_MS)
            more = uart.read()
            if more:
                heard += more
                words = answer_in(heard, request[0], request[1], count)
                if words is not None:
                    return words
        is_echo = heard == request
        raise ModbusError(request[0], "damaged" if heard and not is_echo else "silent")

    # What still arrives answers nobody; the line must rest before the next request.
    async def _silence(self, address: int) -> None:
        for _ in range(_GAPS):
            await asyncio.sleep_ms(self._gap_ms)
            if not self._uart.any():
                return
            self._uart.read()
        raise ModbusError(address, "busy")


# The registers in the first whole answer among some bytes; None while there is none.
# Raises ModbusError: the answer is an exception.
def answer_in(heard: bytes, address: int, function: int, count: int) -> list[int] | None:
    size = 2 * count
    for at in range(len(heard) - 4):
        if heard[at] != address or heard[at + 1] & 0x7F != function:
            continue
        if heard[at + 1] != function:
            if crc16(heard, at, at + 5) == 0:
                raise ModbusError(address, "refused", heard[at + 2])
        elif heard[at + 2] == size and len(heard) >= at + 5 + size:
            if crc16(heard, at, at + 5 + size) == 0:
                first = at + 3
                return [heard[i] << 8 | heard[i + 1] for i in range(first, first + size, 2)]
    return None


# CRC-16 of a slice, polynomial A001 from FFFF; sent low byte first, so that it is 0 over a
# whole frame.
def crc16(data: bytes, start: int, end: int) -> int:
    crc = 0xFFFF
    for at in range(start, end):
        crc ^= data[at]
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
