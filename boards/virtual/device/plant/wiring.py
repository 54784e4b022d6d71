"""SIMULATOR: builds the plant of one virtual node from its board.json and the bench's word.

The bench passes one JSON object in the environment variable CITYFLEET_BENCH:

    {"node", "seed", "clock": {..}, "latitude_udeg", "longitude_udeg", "cause", "mains",
     "line_fd": file number for lines to the bench, "series": {..} | absent, "set": {..},
     "kept": folder for what outlives a process | absent, "mac": of the chip, as hex | absent,
     "rtc_kept": whether the RTC memory outlived a power-on, as it does a brown-out}

and later commands as JSON lines on the same line (commands.py). Without a bench a node
can be started by hand: real time, mains there, no line.
"""

import hashlib
import json
import os
import time

from peripherals import make_part

from plant import commands, power
from plant.chance import Chance
from plant.city import City
from plant.pads import Pads
from plant.rtc_memory import RtcMemory
from plant.wave import Wave

_DEFAULT = {"node": "by-hand", "seed": 1, "latitude_udeg": 13983000, "longitude_udeg": 108000000}
_instance = None


def plant() -> object:
    """The one plant of this process, built when the first pin or bus is asked for."""
    global _instance
    if _instance is None:
        text = os.getenv("CITYFLEET_BENCH")
        word = dict(_DEFAULT)
        if text:
            word.update(json.loads(text))
        _instance = Plant(word)
        _instance.build()
        if text:
            # Where the line goes up by standard output, orders come by standard input.
            line = word.get("line_fd", 0)
            commands.listen(_instance, line if line > 2 else 0)
    return _instance


class PinNode:
    """What a pin is connected to."""

    def __init__(self) -> None:
        self._level = 0
        # What is driven does not reach a held pad.
        self.is_held = False
        self.on_edge = None
        # Called with the level or the duty that the chip drives.
        self.on_drive = None
        self.on_modulate = None
        # Called with the pulses that the chip's pulse sender begins to send.
        self.on_pulses = None
        # Gives microvolts to an analog input.
        self.source_uv = None
        # Gives the level where the plant does not feed it.
        self.level_of = None
        # What the plant plays into an input, for the chip to measure; or what a part with a
        # running wave has it measure: measure(level, timeout_us).
        self._wave = Wave()
        self.measure = None

    def level(self) -> int:
        return self._level if self.level_of is None else self.level_of()

    def drive(self, level: int) -> None:
        if self.is_held:
            return
        self._level = level
        if self.on_drive is not None:
            self.on_drive(level)

    def modulate(self, duty: int) -> None:
        if self.on_modulate is not None:
            self.on_modulate(duty)

    def microvolts(self) -> int:
        return 0 if self.source_uv is None else int(self.source_uv())

    def play(self, at_us: int, lengths_us: list[float]) -> None:
        """The plant plays high and low pulses in turns, from tick `at_us` on."""
        self._wave.play(at_us, lengths_us)

    def pulse_us(self, level: int, timeout_us: int) -> int:
        """Measure a pulse of what is played, as the chip's own loop does."""
        if self.measure is not None:
            return self.measure(level, timeout_us)
        return self._wave.pulse_us(level, timeout_us, self._level)

    def feed(self, level: int) -> None:
        """The plant changes an input's level."""
        if level != self._level:
            self._level = level
            if self.on_edge is not None:
                self.on_edge(level)


class SilentLine:
    """A serial line with nobody on its other end."""

    def write(self, data: bytes) -> None:
        pass

    def arrived(self) -> int:
        return 0

    def read(self, count: int) -> bytes | None:
        return None

    def flush(self) -> None:
        pass


class Bus:
    """An I2C bus: devices by address; one of them may hold it (NXP UM10204, 3.1.16)."""

    def __init__(self, scl: PinNode, sda: PinNode) -> None:
        self.devices = {}
        # How many more clocks the device that holds SDA low wants to see.
        self._held = 0
        self._sda = sda
        self._clock = 1
        scl.on_drive = self._on_clock
        sda.feed(1)

    def hold(self) -> None:
        """A device lost its place in the middle of a byte that began with zeros."""
        self._held = 7
        self._sda.feed(0)

    def _on_clock(self, level: int) -> None:
        if level and not self._clock and self._held:
            self._held -= 1
            self._sda.feed(0 if self._held else 1)
        self._clock = level

    def scan(self) -> list[int]:
        return [address for address, device in self.devices.items() if device.answers()]

    def write(self, address: int, data: bytes) -> None:
        self._device(address).write(data)

    def read(self, address: int, count: int) -> bytes:
        data = self._device(address).read(count)
        # Beyond what a device sends, the lines rest high.
        return data[:count] + b"\xff" * (count - len(data))

    def _device(self, address: int) -> object:
        if self._held:
            raise OSError(116)  # ETIMEDOUT, as on the chip
        device = self.devices.get(address)
        if device is None or not device.answers():
            raise OSError(19)  # ENODEV, as on the chip
        return device


class Plant:
    """The world around one node."""

    def __init__(self, word: dict) -> None:
        self.word = word
        self.node = word["node"]
        self.chance = Chance(word["seed"])
        real_s = time.time_ns() // 1000000000
        clock = word.get("clock") or {"real_ref_s": real_s, "city_ref_s": real_s, "speed": 1}
        self.city = City(clock, word["latitude_udeg"], word["longitude_udeg"])
        self.cause = word.get("cause", power.PWRON_RESET)
        kept = word.get("kept", "")
        self.pads = Pads(self.cause == power.PWRON_RESET, kept)
        rtc_is_lost = self.cause == power.PWRON_RESET and not word.get("rtc_kept")
        self.rtc_memory = RtcMemory(rtc_is_lost, kept)
        # What ended the sleep, and which pins may end the next one.
        self.wake = word.get("wake", 0)
        self.armed = {}
        self.wifi_key = word.get("wifi_key")
        own_id = hashlib.sha256(self.node.encode()).digest()[:6]
        self.unique_id = bytes.fromhex(word["mac"]) if "mac" in word else own_id
        self.mains = bool(word.get("mains", True))
        # What the bench has set by hand: {"tilt": 30, ..}.
        self.hand = dict(word.get("set") or {})
        # Since when a fault stands, city time.
        self.fault_from_s = self.city.now_s()
        self.parts = {}
        self._pins = {}
        self._uarts = {}
        self._buses = {}
        self._line = open(word["line_fd"], "wb") if "line_fd" in word else None

    def build(self) -> None:
        """Hang every part of board.json on its pins and buses."""
        for number, level in self.pads.held().items():
            self.pin(number).drive(level)
            self.pin(number).is_held = True
        try:
            with open("board.json") as file:
                board = json.load(file)
        except OSError:
            board = {"parts": {}}  # a blank chip: nothing hangs on it yet
        for name, lines in board.get("buses", {}).items():
            if name.startswith("i2c"):
                self._buses[int(name[-1])] = Bus(self.pin(lines["scl"]), self.pin(lines["sda"]))
        for name, settings in board["parts"].items():
            part = make_part(self, name, settings)
            self.parts[name] = part
            bus = settings.get("bus", "")
            if bus.startswith("uart") and "address" in settings:
                self._rs485(bus, board["buses"][bus]).add(part)
            elif bus.startswith("uart"):
                self._uarts[int(bus[-1])] = part
            elif bus.startswith("i2c"):
                self.i2c(int(bus[-1])).devices[settings["address"]] = part

    def _rs485(self, bus: str, settings: dict) -> object:
        from peripherals.modbus import ModbusLine

        number = int(bus[-1])
        if number not in self._uarts:
            self._uarts[number] = ModbusLine(self, settings)
        return self._uarts[number]

    def pin(self, number: int) -> PinNode:
        if number not in self._pins:
            self._pins[number] = PinNode()
        return self._pins[number]

    def i2c(self, number: int) -> Bus:
        return self._buses[number]

    def uart(self, number: int, baudrate: int) -> object:
        part = self._uarts.get(number)
        if part is None or part.baud != baudrate:
            return SilentLine()  # at the wrong rate a part understands nothing
        return part

    def fault_of(self, name: str) -> str | None:
        """The fault that the bench has put on a part; README.md lists them."""
        fault = self.hand.get("sensor_fault")
        if isinstance(fault, str):
            return "silent" if fault == name else None
        if isinstance(fault, dict) and fault.get("part") == name:
            return fault.get("fault", "silent")
        return None

    def put(self, what: str, value: object) -> None:
        """Something is changed by hand; parts feel it at once."""
        self.hand[what] = value
        if what == "sensor_fault":
            self.fault_from_s = self.city.now_s()
            for name, part in self.parts.items():
                if self.fault_of(name) == "bus":
                    self.i2c(int(part.settings["bus"][-1])).hold()
        for part in self.parts.values():
            part.on_hand()

    def set_mains(self, present: bool) -> None:
        """The mains comes or goes; parts feel it before the pin tells the chip."""
        self.mains = present
        for part in self.parts.values():
            part.on_mains(present)

    def tell(self, what: dict) -> None:
        """One line to the bench."""
        if self._line is not None:
            what["id"] = self.node
            try:
                self._line.write(json.dumps(what).encode() + b"\n")
            except OSError:
                self._line = None  # the bench is gone; standard input ends this process
