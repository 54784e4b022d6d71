"""SIMULATOR: an RS485 line with Modbus RTU slaves on it, byte by byte at the line's rate.

The line knows what the wire would do: a character takes its ten bits; a request without the
rest of 3.5 characters before it is none; a transceiver that lets go too early cuts the
request, one that holds on too long drowns the answer. A slave's faults (bench: sensor_fault)
are silent, crc, exception, garbage (noise before the frame), cut (half of it), late (0.7 s),
echo (the transceiver hears itself) and stuck (old values).

Source: MODBUS over Serial Line V1.02, 2.5.1; MODBUS Application Protocol V1.1b3, 6.3, 6.4, 7.
"""

import time

from peripherals.base import Part

_ILLEGAL_FUNCTION = 1
_ILLEGAL_ADDRESS = 2
_ILLEGAL_VALUE = 3
_DEVICE_FAILURE = 4
_LATE_US = 700000
# What the receiver hears while nobody drives the line.
_NOISE = b"\x00\xf8\x01"
_BUFFER_BYTES = 256


class ModbusLine:
    """What hangs on a UART with an RS485 transceiver: one line, its slaves by address."""

    def __init__(self, plant: object, settings: dict) -> None:
        self.baud = settings["baud"]
        self._char_us = 10000000 // self.baud
        self._slaves = {}
        # How many frames came whole, good or bad.
        self.requests = 0
        self._quiet_from_us = time.ticks_add(time.ticks_us(), -1000000)
        self._pending = None
        # [(when its first character is whole, bytes)], in order.
        self._coming = []
        self._direction = None
        if "direction" in settings:
            self._direction = plant.pin(settings["direction"])
            self._direction.on_drive = self._on_direction

    def add(self, part: object) -> None:
        """Hang a slave on the line."""
        self._slaves[part.settings["address"]] = part

    def write(self, data: bytes) -> None:
        """The chip sends; without the transceiver's driver it does not leave the board."""
        now_us = time.ticks_us()
        if self._direction is not None and not self._direction.level():
            return
        if time.ticks_diff(now_us, self._quiet_from_us) * 2 < 7 * self._char_us:
            data = b""  # runs into what came before: no slave sees a frame of its own
        self._quiet_from_us = time.ticks_add(now_us, len(data) * self._char_us)
        self._pending = (now_us, data)
        if self._direction is None:
            self._hear(self._quiet_from_us)

    def flush(self) -> None:
        """Wait until the last character has left."""
        left_us = time.ticks_diff(self._quiet_from_us, time.ticks_us())
        if left_us > 0:
            time.sleep_us(left_us)

    def arrived(self) -> int:
        """Bytes that wait in the chip's receive buffer."""
        return min(_BUFFER_BYTES, sum(self._whole(entry) for entry in self._coming))

    def read(self, count: int) -> bytes | None:
        """Take bytes from the receive buffer."""
        data = b""
        for entry in list(self._coming):
            there = self._whole(entry)
            if count >= 0:
                there = min(there, count - len(data))
            data += entry[1][:there]
            entry[0] = time.ticks_add(entry[0], there * self._char_us)
            entry[1] = entry[1][there:]
            if not entry[1]:
                self._coming.remove(entry)
        return data or None

    def _whole(self, entry: list) -> int:
        passed_us = time.ticks_diff(time.ticks_us(), entry[0])
        return 0 if passed_us < 0 else min(len(entry[1]), passed_us // self._char_us + 1)

    def _on_direction(self, level: int) -> None:
        if not level and self._pending is not None:
            self._hear(time.ticks_us())

    def _hear(self, released_us: int) -> None:
        """The request is on the wire and the line given free: a slave may answer."""
        began_us, data = self._pending
        self._pending = None
        sent = max(0, time.ticks_diff(released_us, began_us)) // self._char_us
        request = data[:sent]
        self.requests += 1
        ended_us = time.ticks_add(began_us, len(request) * self._char_us)
        slave = self._slaves.get(request[0]) if request else None
        if slave is None or crc16(request):
            return
        fault = slave.fault()
        if fault == "echo":
            self._come(time.ticks_add(began_us, self._char_us), request)
        answer = slave.answer(request)
        if answer is None:
            return
        # The slave waits for the end of the frame, 3.5 characters, and for itself.
        wait_us = self._char_us * 7 // 2 + (_LATE_US if fault == "late" else slave.answer_us)
        first_us = time.ticks_add(ended_us, wait_us + self._char_us)
        drowned = max(0, time.ticks_diff(released_us, first_us)) // self._char_us
        if fault == "garbage":
            self._come(time.ticks_add(ended_us, self._char_us), _NOISE)
        self._come(time.ticks_add(first_us, drowned * self._char_us), answer[drowned:])
        self._quiet_from_us = time.ticks_add(first_us, len(answer) * self._char_us)

    def _come(self, first_us: int, data: bytes) -> None:
        self._coming.append([first_us, data])


class ModbusPart(Part):
    """A slave; a part defines `values`, its input or holding registers from 0 on."""

    function = 4
    answer_us = 20000
    # The most registers that one request may ask this slave for.
    most = 125

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._kept = None

    def values(self) -> dict[int, int]:
        """Register -> 16-bit value, now."""
        raise NotImplementedError

    def answer(self, request: bytes) -> bytes | None:
        """The whole frame that answers a request with a good checksum; None for silence."""
        fault = self.fault()
        if fault == "silent":
            return None
        frame = with_crc(self._body(request, fault == "exception"))
        if fault == "crc":
            frame = frame[:-1] + bytes((frame[-1] ^ 0x11,))
        return frame[: len(frame) // 2] if fault == "cut" else frame

    def _body(self, request: bytes, fails: bool) -> bytes:
        address, function = request[0], request[1]
        register = request[2] << 8 | request[3]
        count = request[4] << 8 | request[5]
        code = 0
        data = b""
        if function != self.function or len(request) != 8:
            code = _ILLEGAL_FUNCTION
        elif not 1 <= count <= self.most:
            code = _ILLEGAL_VALUE
        elif fails:
            code = _DEVICE_FAILURE
        else:
            if self._kept is None or self.fault() != "stuck":
                self._kept = self.values()
            for at in range(register, register + count):
                if at not in self._kept:
                    code = _ILLEGAL_ADDRESS
                    break
                data += bytes((self._kept[at] >> 8 & 0xFF, self._kept[at] & 0xFF))
        if code:
            return bytes((address, function | 0x80, code))
        return bytes((address, function, len(data))) + data


def with_crc(body: bytes) -> bytes:
    """A frame: the body and its checksum, low byte first."""
    crc = crc16(body)
    return body + bytes((crc & 0xFF, crc >> 8))


def crc16(data: bytes) -> int:
    """CRC-16 of Modbus; 0 over a whole frame. Worked out apart from the driver's."""
    crc = 0xFFFF
    for byte in data:
        for bit in range(8):
            odd = (crc ^ byte >> bit) & 1
            crc >>= 1
            if odd:
                crc ^= 0xA001
    return crc
