"""SIMULATOR: what all simulated parts have in common."""

import time

# A bad contact, and a sensor that ages within days in place of years.
_NOISY = 20
_DRIFT_PER_H = 0.02
_GARBAGE = b"\x00\xff\x55\xfe"


class Part:
    """A part on the board; `plant` is the world it lives in."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        self.plant = plant
        self.name = name
        self.settings = settings

    def fault(self) -> str | None:
        """What the bench asks (see README.md); None while the part is well."""
        return self.plant.fault_of(self.name)

    def around(self, middle: float, spread: float) -> float:
        """What the part measures of `middle`: with its noise, and astray when it is at fault."""
        fault = self.fault()
        if fault == "noise":
            spread *= _NOISY
        elif fault == "drift":
            hours = (self.plant.city.now_s() - self.plant.fault_from_s) / 3600
            middle *= 1 + min(1.0, _DRIFT_PER_H * hours)
        return self.plant.chance.around(middle, spread)

    def answers(self) -> bool:
        """Whether the part acknowledges its address."""
        return self.fault() != "silent"

    def on_mains(self, present: bool) -> None:
        """The mains came or went."""

    def on_hand(self) -> None:
        """The bench has changed something by hand."""

    def wakes(self) -> list:
        """What would raise its pin `wake` while the chip sleeps; see plant/waking.py."""
        return []


class SerialPart(Part):
    """A part on a UART: its answer arrives byte by byte at the line's rate."""

    baud = 9600

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        self._answer = b""
        self._start_us = 0
        self._taken = 0

    def answer(self, data: bytes, after_ms: int) -> None:
        """Begin to send `data` in a while; a disturbed line says something else before it."""
        self._answer = _GARBAGE + data if self.fault() == "garbage" else data
        self._taken = 0
        self._start_us = time.ticks_add(time.ticks_us(), after_ms * 1000)

    def arrived(self) -> int:
        """Bytes that wait in the chip's receive buffer."""
        passed_us = time.ticks_diff(time.ticks_us(), self._start_us)
        # A character is ten bits: start, eight, stop.
        whole = max(0, passed_us * self.baud // 10000000)
        return max(0, min(len(self._answer), whole) - self._taken)

    def read(self, count: int) -> bytes | None:
        """Take bytes from the receive buffer."""
        there = self.arrived()
        if there == 0:
            return None
        if 0 <= count < there:
            there = count
        data = self._answer[self._taken : self._taken + there]
        self._taken += there
        return data

    def write(self, data: bytes) -> None:
        """Bytes from the chip."""

    def flush(self) -> None:
        """What the chip writes is heard at once."""


def crc8(data: bytes, polynomial: int, start: int) -> int:
    """CRC-8, high bit first, as the I2C sensors use it."""
    crc = start
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & 0x80 else crc << 1) & 0xFF
    return crc


def sensirion_words(words: list[int], wrong: bool) -> bytes:
    """16-bit words, each with its checksum; `wrong` spoils the last one."""
    out = b""
    for word in words:
        pair = bytes((word >> 8, word & 0xFF))
        out += pair + bytes((crc8(pair, 0x31, 0xFF),))
    return out[:-1] + bytes((out[-1] ^ 0x55,)) if wrong else out
