"""board.toml -> a checked description; everything wrong is named with its line.

Owns the form of board.toml and what a board may not be: a pin used twice, an output on an
input-only pin, an unknown part, two parts at one address. What chips and parts can do is
chips.py's and parts.py's.

    board = read_board(Path("boards/streetlight_esp32/board.toml"))
    text = json.dumps(board.compiled())
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from boards.chips import CHIPS, Chip
from boards.errors import BoardError
from boards.flash_map import FlashMap, flash_map_path, read_flash_map
from boards.parts import NEEDED, OPTIONAL, PARTS, PartType, Use
from boards.toml_lines import Lines

# The largest of ours has 1 KB.
_FILE_BYTES = 65536
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_BUS_KEYS = {
    "uart": {"tx": Use.OUTPUT, "rx": Use.INPUT},
    "i2c": {"scl": Use.OUTPUT, "sda": Use.OUTPUT},
}
# An RS485 transceiver that does not turn by itself is turned by a pin.
_BUS_OPTIONS = {"uart": {"direction": Use.OUTPUT}, "i2c": {}}
_BUS_FIGURES = {"uart": {"baud": (300, 1_000_000)}, "i2c": {"freq": (10_000, 400_000)}}


@dataclass(frozen=True, slots=True)
class BoardDescription:
    """A board that contradicts itself nowhere.

    Attributes:
        name: The board's name, the same as its folder's.
        kind: The kind of node that it is for.
        chip: Name in chips.CHIPS.
        flash_mb: Flash size in MiB.
        partitions: Label -> type, subtype, offset, size.
        buses: Name (uart2, i2c0) -> pins and figures.
        parts: Name on the board -> part type, bus, pins, figures.
    """

    name: str
    kind: str
    chip: str
    flash_mb: int
    partitions: FlashMap
    buses: dict[str, dict[str, int]]
    parts: dict[str, dict[str, int | str]]

    def compiled(self) -> dict[str, Any]:
        """The content of the node's board.json."""
        return {
            "board": self.name,
            "kind": self.kind,
            "chip": self.chip,
            "flash_mb": self.flash_mb,
            "partitions": self.partitions,
            "buses": self.buses,
            "parts": self.parts,
        }


def read_board(path: Path, flash_mb: int | None = None) -> BoardDescription:
    """Read and check one board.toml; `flash_mb` stands in for what it says of its flash.

    Raises:
        BoardError: with the line at fault.
        OSError: the file cannot be read.
    """
    text = _text_of(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        # An error at the end of the document has no line of its own.
        line = int(found[1]) if found else text.rstrip("\n").count("\n") + 1
        raise BoardError(path, line, f"not TOML: {error}") from error
    except RecursionError as error:
        raise BoardError(path, 1, "not TOML: nested too deeply") from error
    return _Checker(path, Lines(text), document).check(flash_mb)


def _text_of(path: Path) -> str:
    raw = path.read_bytes()
    if len(raw) > _FILE_BYTES:
        raise BoardError(path, 1, f"is longer than {_FILE_BYTES} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BoardError(path, line, "is not UTF-8 text") from error


class _Checker:
    """One pass over one document; the first contradiction ends it."""

    def __init__(self, path: Path, lines: Lines, document: dict[str, Any]) -> None:
        self._path = path
        self._lines = lines
        self._document = document
        self._used_pins: dict[int, tuple[str, str]] = {}
        self._used_uarts: dict[str, tuple[str, bool]] = {}
        self._used_addresses: dict[tuple[str, int], str] = {}

    def check(self, other_flash_mb: int | None) -> BoardDescription:
        for key in self._document:
            if key not in ("board", "bus", "part"):
                raise self._error(key, "", f"unknown table [{key}]")
        head = self._table(self._document.get("board"), "board")
        self._only(head, "board", {"name", "kind", "chip", "flash_mb"})
        name = self._text(head, "board", "name")
        if name != self._path.parent.name:
            raise self._error("board", "name", f"is {name!r} in folder {self._path.parent.name!r}")
        kind = self._text(head, "board", "kind")
        if kind not in NEEDED:
            raise self._error("board", "kind", f"unknown kind {kind!r}: {', '.join(NEEDED)}")
        chip = CHIPS.get(self._text(head, "board", "chip"))
        if chip is None:
            raise self._error("board", "chip", f"unknown chip: {', '.join(CHIPS)}")
        flash_mb = self._figure(head, "board", "flash_mb", (1, 64))
        if other_flash_mb is not None:
            flash_mb = other_flash_mb
        if flash_mb not in chip.flash_mb:
            raise self._error("board", "flash_mb", f"{chip.name} has {sorted(chip.flash_mb)} MiB")
        partitions = read_flash_map(flash_map_path(flash_mb), flash_mb)
        buses = {
            bus: self._bus(chip, bus, settings) for bus, settings in self._tables("bus").items()
        }
        parts = {
            part: self._part(chip, buses, part, settings)
            for part, settings in self._tables("part").items()
        }
        self._needed(kind, parts)
        self._no_idle_bus(buses, parts)
        return BoardDescription(name, kind, chip.name, flash_mb, partitions, buses, parts)

    def _bus(self, chip: Chip, name: str, settings: Any) -> dict[str, int]:
        where = f"bus.{name}"
        table = self._table(settings, where)
        found = re.fullmatch(r"(uart|i2c)(\d)", name)
        if found is None:
            raise self._error(where, "", "a bus is called uart1, uart2, i2c0 or i2c1")
        sort, number = found[1], int(found[2])
        if number not in (chip.uarts if sort == "uart" else chip.i2cs):
            raise self._error(where, "", f"{chip.name} has no {name} for parts")
        pins, options, figures = _BUS_KEYS[sort], _BUS_OPTIONS[sort], _BUS_FIGURES[sort]
        self._only(table, where, {*pins, *options, *figures})
        pins = pins | {key: use for key, use in options.items() if key in table}
        result = {key: self._pin(chip, table, where, key, use) for key, use in pins.items()}
        for key, bounds in figures.items():
            result[key] = self._figure(table, where, key, bounds)
        return result

    def _part(
        self, chip: Chip, buses: dict[str, dict[str, int]], name: str, settings: Any
    ) -> dict[str, int | str]:
        where = f"part.{name}"
        table = self._table(settings, where)
        if not _NAME.fullmatch(name):
            raise self._error(where, "", "a name has lower-case letters, digits and _")
        type_name = self._text(table, where, "part")
        part = PARTS.get(type_name)
        if part is None:
            raise self._error(where, "part", f"unknown part {type_name!r}: {', '.join(PARTS)}")
        keys = {"part", *part.pins, *part.options, *part.figures}
        keys |= {"bus"} if part.bus else set()
        keys |= {"address"} if part.addresses else set()
        self._only(table, where, keys)
        result: dict[str, int | str] = {"part": type_name}
        if part.bus:
            result["bus"] = self._part_bus(table, where, part, buses)
        if part.addresses:
            result["address"] = self._address(table, where, part, str(result["bus"]))
        for pin in part.fixed:
            self._take(where, "part", pin)
        for key, use in part.pins.items():
            result[key] = self._pin(chip, table, where, key, use)
        for key, use in part.options.items():
            if key in table:
                result[key] = self._pin(chip, table, where, key, use)
        for key, bounds in part.figures.items():
            result[key] = self._figure(table, where, key, bounds)
        if part.span and table[part.span[0]] >= table[part.span[1]]:
            raise self._error(where, part.span[1], f"must be more than {part.span[0]}")
        return result

    def _part_bus(
        self, table: dict[str, Any], where: str, part: PartType, buses: dict[str, dict[str, int]]
    ) -> str:
        bus = self._text(table, where, "bus")
        if bus not in buses:
            raise self._error(where, "bus", f"there is no [bus.{bus}]")
        if not bus.startswith(part.bus or ""):
            raise self._error(where, "bus", f"a {table['part']} speaks {part.bus}, not {bus}")
        if part.bus == "uart":
            other, shares = self._used_uarts.setdefault(bus, (where, part.modbus))
            if other != where and not (shares and part.modbus):
                raise self._error(where, "bus", f"{bus} is taken by [{other}]")
            if buses[bus]["baud"] not in part.bauds:
                rates = ", ".join(map(str, part.bauds))
                raise self._error(f"bus.{bus}", "baud", f"a {table['part']} speaks {rates}")
            if "direction" in buses[bus] and not part.modbus:
                raise self._error(
                    f"bus.{bus}", "direction", f"a {table['part']} hangs on no RS485 line"
                )
        elif buses[bus]["freq"] > part.most_hz:
            raise self._error(
                f"bus.{bus}", "freq", f"a {table['part']} follows {part.most_hz} Hz at most"
            )
        return bus

    def _address(self, table: dict[str, Any], where: str, part: PartType, bus: str) -> int:
        address = self._figure(table, where, "address", (1, 247))
        if address not in part.addresses:
            known = ", ".join(hex(known) for known in part.addresses)
            raise self._error(where, "address", f"a {table['part']} can only be at {known}")
        other = self._used_addresses.setdefault((bus, address), where)
        if other != where:
            raise self._error(where, "address", f"{hex(address)} on {bus} is taken by [{other}]")
        return address

    def _pin(self, chip: Chip, table: dict[str, Any], where: str, key: str, use: Use) -> int:
        pin = self._figure(table, where, key, (0, 63))
        if pin in chip.reserved:
            raise self._error(where, key, f"pin {pin} {chip.reserved[pin]}")
        if pin not in chip.pins:
            raise self._error(where, key, f"{chip.name} has no pin {pin}")
        self._take(where, key, pin)
        if use is Use.CLOCK_OUTPUT and pin not in chip.ethernet_clock:
            raise self._error(where, key, f"pin {pin} cannot give the Ethernet clock")
        if use is Use.OUTPUT and pin in chip.input_only:
            raise self._error(where, key, f"pin {pin} is input-only and cannot be an output")
        if use is Use.ANALOG and pin not in chip.analog:
            raise self._error(where, key, f"pin {pin} has no ADC that works beside the radio")
        if use is Use.WAKE and pin not in chip.wake:
            raise self._error(where, key, f"pin {pin} cannot wake the chip")
        if pin in chip.strapping:
            raise self._error(
                where, key, f"pin {pin} is sampled at reset: it {chip.strapping[pin]}"
            )
        return pin

    def _take(self, where: str, key: str, pin: int) -> None:
        if pin in self._used_pins:
            table_name, first_key = self._used_pins[pin]
            line = self._lines.of(table_name, first_key)
            raise self._error(
                where,
                key,
                f"pin {pin} is used twice, first by {table_name} {first_key}, line {line}",
            )
        self._used_pins[pin] = (where, key)

    def _needed(self, kind: str, parts: dict[str, dict[str, int | str]]) -> None:
        for name in NEEDED[kind]:
            if name not in parts:
                raise self._error("board", "kind", f"a {kind} needs [part.{name}]")
        for name, types in (NEEDED[kind] | OPTIONAL.get(kind, {})).items():
            if name in parts and parts[name]["part"] not in types:
                raise self._error(f"part.{name}", "part", f"must be one of {', '.join(types)}")
        numbered = {name: re.fullmatch(r"(\w+_)(\d+)", name) for name in parts}
        for name, found in numbered.items():
            # Bits of a report count them in order, so that a gap would shift the others.
            if found and int(found[2]) > 1 and f"{found[1]}{int(found[2]) - 1}" not in parts:
                raise self._error(
                    f"part.{name}", "", f"comes after [part.{found[1]}{int(found[2]) - 1}]"
                )

    def _no_idle_bus(
        self, buses: dict[str, dict[str, int]], parts: dict[str, dict[str, int | str]]
    ) -> None:
        idle = set(buses) - {part.get("bus") for part in parts.values()}
        for bus in sorted(idle):
            raise self._error(f"bus.{bus}", "", f"no part is on {bus}")

    def _tables(self, key: str) -> dict[str, Any]:
        return self._table(self._document.get(key, {}), key)

    def _table(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._error(where, "", f"[{where}] is missing or not a table")
        return cast("dict[str, Any]", value)

    def _only(self, table: dict[str, Any], where: str, keys: set[str]) -> None:
        for key in table:
            if key not in keys:
                raise self._error(where, key, f"unknown key {key!r} in [{where}]")

    def _text(self, table: dict[str, Any], where: str, key: str) -> str:
        value = table.get(key)
        if not isinstance(value, str):
            raise self._error(where, key, f'[{where}] needs {key} = "..."')
        return value

    def _figure(self, table: dict[str, Any], where: str, key: str, bounds: tuple[int, int]) -> int:
        value = table.get(key)
        if type(value) is not int:
            raise self._error(where, key, f"[{where}] needs {key} = a whole number")
        if not bounds[0] <= value <= bounds[1]:
            raise self._error(where, key, f"{key} is {value}, not {bounds[0]} to {bounds[1]}")
        return value

    def _error(self, where: str, key: str, message: str) -> BoardError:
        # A name may hold anything, and an error is one line.
        message = "".join(letter if letter.isprintable() else " " for letter in message)
        return BoardError(self._path, self._lines.of(where, key), message)
