"""SIMULATOR: DALI-2 LED control gear on its bus, seen through the board's interface.

It listens to the pulses of the bus and keeps to the times of IEC 62386-101: half bits within
their tolerance, 13.5 ms of settling, an answer 5.5 to 10.5 ms after the query, configuration
only from two equal frames within 100 ms. Memory banks 1, 202 and 205 hold the data of parts
251, 252 and 253. The interface inverts: high is a bus pulled low.

Faults: silent (no gear), crc (its answers are no frames), collision (a second gear answers
into the first one's answer), stuck (it keeps its level whatever one tells it), short (the
bus is low). The lamp behind it can be broken, see lamp.py.
"""

import time

from peripherals.lamp import Load

_HALF_US = 1000000 / 2400
_SETTLING_US = 13500
_TWICE_US = 100000
# A gear begins to answer in a while of its own.
_ANSWER_US = (5500, 10500)
_MIN_LEVEL = 85
_POWER_ON_US = 600000
_YES = 0xFF


class DaliGear(Load):
    """One gear with its lamp."""

    def __init__(self, plant: object, name: str, settings: dict) -> None:
        super().__init__(plant, name, settings)
        address = settings["short_address"]
        self._short = 0 if address == 64 else address
        self._level = 0
        self._dtr0 = 0
        self._dtr1 = 0
        # As delivered: a fade of 0.7 s and more, and full light when the power comes.
        self._kept = {"power_on": 254, "failure": 254, "fade": 0x17, "min": _MIN_LEVEL}
        self._half_done = None
        self._free_us = time.ticks_us()
        self._powered_us = time.ticks_us()
        self._started_s = plant.city.now_s()
        self._was_told = False
        self._starts = 1
        # Frames that came too early, or were none: a driver that makes any is wrong.
        self.violations = 0
        self.frames = []
        plant.pin(settings["tx"]).on_pulses = self._on_pulses
        self._answer_pin = plant.pin(settings["rx"])

    def light_percent(self) -> float:
        level = self.arc_level()
        return 10 ** ((level - 1) * 3 / 253 - 1) if level else 0.0

    def arc_level(self) -> int:
        """The actual level; a gear that nobody told anything goes to its power-on level."""
        if not self._was_told and not self._is_starting():
            return self._kept["power_on"]
        return self._level

    def on_mains(self, present: bool) -> None:
        super().on_mains(present)
        if present:
            self._powered_us = time.ticks_us()
            self._was_told = False
            self._level = 0
            self._starts += 1
        self.on_hand()

    def on_hand(self) -> None:
        super().on_hand()
        self._answer_pin.feed(1 if self.fault() == "short" else 0)

    def _is_starting(self) -> bool:
        return time.ticks_diff(time.ticks_us(), self._powered_us) < _POWER_ON_US

    def _on_pulses(self, begin_us: int, lengths_us: list, first: int, idle: int) -> None:
        end_us = time.ticks_add(begin_us, int(sum(lengths_us)))
        if time.ticks_diff(begin_us, self._free_us) < 0:
            self.violations += 1
            return
        self._free_us = time.ticks_add(end_us, _SETTLING_US + 2450)
        self._answer_pin.play(end_us, [])
        frame = _forward_frame(lengths_us) if first == 1 and idle == 0 else None
        if frame is None:
            self.violations += 1
            return
        self.frames.append(frame)
        if len(self.frames) > 64:
            self.frames.pop(0)
        if not self.plant.mains or self.fault() in ("silent", "short"):
            return
        answer = self._obey(frame >> 8, frame & 0xFF, begin_us)
        if answer is not None:
            self._answer(answer, end_us)

    def _answer(self, answer: int, end_us: int) -> None:
        spread_us = _ANSWER_US[1] - _ANSWER_US[0]
        wait_us = _ANSWER_US[0] + spread_us * self.plant.chance.bits(8) // 255
        lengths = _backward_frame(answer, self.plant.chance.around(_HALF_US, 12))
        fault = self.fault()
        if fault == "crc":
            lengths[2] += 260
        elif fault == "collision":
            # Another one's low bus fills the gaps of half a bit.
            lengths = [sum(lengths[:3])] + lengths[3:]
        at_us = time.ticks_add(end_us, wait_us)
        self._answer_pin.play(at_us, lengths)
        self._free_us = time.ticks_add(at_us, int(sum(lengths)) + _SETTLING_US - 1000)

    def _obey(self, address: int, data: int, begin_us: int) -> int | None:
        twice = self._is_second(address << 8 | data, begin_us)
        if address == 0xA3:
            self._dtr0 = data
        elif address == 0xC3:
            self._dtr1 = data
        elif not self._is_mine(address):
            return None
        elif not address & 1:
            self._to_level(data)
        elif data < 0x20:
            self._to_level({0x00: 0, 0x05: 254, 0x06: _MIN_LEVEL}.get(data, 255))
        elif data < 0x81:
            if twice:
                self._configure(data)
        else:
            return self._tell_of(data)
        return None

    def _is_mine(self, address: int) -> bool:
        # Broadcast, or the short address.
        return address >= 0xFE or address >> 1 == self._short

    def _is_second(self, frame: int, begin_us: int) -> bool:
        last = self._half_done
        same = last is not None and last[0] == frame
        in_time = same and time.ticks_diff(begin_us, last[1]) <= _TWICE_US
        self._half_done = None if in_time else (frame, begin_us)
        return in_time

    def _to_level(self, level: int) -> None:
        if level == 255 or self.fault() == "stuck":
            return
        self.integrate()
        self._was_told = True
        self._level = max(self._kept["min"], level) if level else 0
        self.tell()

    def _configure(self, command: int) -> None:
        if command == 0x2C:
            self._kept["failure"] = self._dtr0
        elif command == 0x2D:
            self._kept["power_on"] = self._dtr0
        elif command == 0x2E:
            self._kept["fade"] = min(15, self._dtr0) << 4 | self._kept["fade"] & 15

    def _tell_of(self, query: int) -> int | None:
        broken = self.plant.hand.get("lamp") == "broken"
        lit = self.arc_level() > 0 and not broken
        if query == 0x90:
            return (2 if broken else 0) | (4 if lit else 0) | (0 if self._was_told else 0x80)
        if query == 0x91 or (query == 0x92 and broken) or (query == 0x93 and lit):
            return _YES
        if query == 0xC5:
            byte = self._memory().get((self._dtr1, self._dtr0))
            self._dtr0 = min(255, self._dtr0 + 1)
            return byte
        return {
            0x98: self._dtr0,
            0xA0: self.arc_level(),
            0xA2: self._kept["min"],
            0xA3: self._kept["power_on"],
            0xA4: self._kept["failure"],
            0xA5: self._kept["fade"],
        }.get(query)

    def _memory(self) -> dict:
        on_s = max(0, self.plant.city.now_s() - self._started_s)
        power = int(self.power_w() * 10)
        celsius = round(30 + 25 * self.light_percent() / 100)
        cells = {}
        _fill(cells, 1, 0x15, self._rated_w, 2)
        _fill(cells, 202, 0x04, 0, 1)
        _fill(cells, 202, 0x05, int(self.energy_ws() / 3600), 6)
        _fill(cells, 202, 0x0B, 0xFF, 1)
        _fill(cells, 202, 0x0C, power, 4)
        _fill(cells, 205, 0x04, on_s, 4)
        _fill(cells, 205, 0x08, self._starts, 3)
        _fill(cells, 205, 0x1B, celsius + 60, 1)
        return cells


def _fill(cells: dict, bank: int, first: int, value: int, count: int) -> None:
    for index in range(count):
        cells[bank, first + index] = value >> 8 * (count - 1 - index) & 0xFF


def _forward_frame(lengths_us: list) -> int | None:
    """The 16 bits of a frame's pulses, bus low first; None where it is none."""
    halves = []
    low = 1
    for length_us in lengths_us:
        # Receivers take 333 to 500 us for a half bit, twice that for a whole one.
        if 333 <= length_us <= 500:
            halves += [low]
        elif 667 <= length_us <= 1000:
            halves += [low, low]
        else:
            return None
        low ^= 1
    if len(halves) == 33:
        halves.append(0)
    if len(halves) != 34:
        return None
    frame = 0
    for index in range(0, 34, 2):
        if halves[index] == halves[index + 1]:
            return None
        frame = frame << 1 | halves[index]
    return frame & 0xFFFF if frame >> 16 else None


def _backward_frame(byte: int, half_us: float) -> list:
    """The pulses of an answer, bus low first."""
    halves = []
    for index in range(8, -1, -1):
        bit = (byte | 0x100) >> index & 1
        halves += [bit, 1 - bit]
    lengths = []
    before = 0
    for half in halves:
        if half == before:
            lengths[-1] += half_us
        else:
            lengths.append(half_us)
        before = half
    return lengths if before else lengths[:-1]
