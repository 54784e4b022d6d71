"""What the bench is told at its start: bench.json, checked, and what each node's folder adds.

Owns the form of bench.json (README.md shows it). The place of a node comes from its config.json
and its parts from its board.json, so that bench and node cannot disagree about them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from boards.virtual.errors import SettingsError
from protocols.fields import KIND_CODES
from protocols.topics import is_node_id

FILE_BYTES = 8 * 1024 * 1024
NODES_MAX = 5000


@dataclass(frozen=True, slots=True)
class CityClock:
    """At real second `real_ref_s` the city's clock showed `city_ref_s`; it runs at `speed`."""

    real_ref_s: float
    city_ref_s: float
    speed: float

    def word(self) -> dict[str, float]:
        """As the device half reads it."""
        return {
            "real_ref_s": self.real_ref_s,
            "city_ref_s": self.city_ref_s,
            "speed": self.speed,
        }


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """One node on the bench.

    Attributes:
        id: The node's id.
        folder: The root of its files.
        kind: streetlight, smart_bin, greenhouse, reservoir, control_cabinet.
        feeder: Which feeder its mains comes from, if any.
        cabinet: Which control cabinet that feeder hangs on, if any.
        latitude_udeg: Millionths of a degree, north positive.
        longitude_udeg: Millionths of a degree, east positive.
        utc_offset_min: Local time minus UTC.
        parts: Name on the board -> its settings.
    """

    id: str
    folder: Path
    kind: str
    feeder: str | None
    cabinet: str | None
    latitude_udeg: int
    longitude_udeg: int
    utc_offset_min: int
    parts: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """The whole bench.

    Attributes:
        clock: The city's clock, the same for every node.
        seed: All chance on the bench follows from it.
        control_port: Loopback port of the control line; 0 takes a free one.
        control_secret: The word that opens it.
        series: Name (greenhouse, river) -> CSV file.
        log_folder: Where the nodes' consoles go.
        work_folder: Where the bench puts what it makes for the nodes.
        nodes: The nodes.
    """

    clock: CityClock
    seed: int
    control_port: int
    control_secret: str
    series: Mapping[str, Path]
    log_folder: Path
    work_folder: Path
    nodes: tuple[NodeSettings, ...]


def read_settings(path: Path) -> BenchSettings:
    """Read bench.json and what it names; relative paths count from its folder.

    Raises:
        SettingsError: naming the file and what is wrong in it.
    """
    path = path.absolute()
    table = _Table(_read_object(path), str(path))
    clock = table.table("clock")
    secret_file = path.parent / table.text("control_secret_file")
    nodes = tuple(
        _node(_Table(entry, f"{path}: nodes[{index}]"), path.parent)
        for index, entry in enumerate(table.list("nodes", NODES_MAX))
    )
    for what in ("id", "folder"):
        found = [str(getattr(node, what)) for node in nodes]
        if len(set(found)) != len(found):
            twice = next(name for name in found if found.count(name) > 1)
            raise SettingsError(f"{path}: the {what} {twice} is there twice")
    return BenchSettings(
        clock=CityClock(
            clock.number("real_ref_s", 0, 2**40),
            clock.number("city_ref_s", 0, 2**40),
            clock.number("speed", 0, 100_000),
        ),
        seed=table.integer("seed", -(2**63), 2**63 - 1),
        control_port=table.integer("control_port", 0, 65535),
        control_secret=_read_secret(secret_file),
        series=_series(table, path.parent),
        log_folder=path.parent / table.text("log_folder"),
        work_folder=path.with_name(path.stem + ".work"),
        nodes=nodes,
    )


class _Table:
    """A JSON object whose fields are asked for by type; `where` begins each complaint."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise SettingsError(f"{where}: is not an object")
        self.values = cast("dict[str, Any]", value)
        self.where = where

    def table(self, key: str) -> "_Table":
        return _Table(self.values.get(key), f"{self.where}: {key}")

    def list(self, key: str, most: int) -> "list[Any]":
        value = self.values.get(key)
        if not isinstance(value, list) or len(cast("list[Any]", value)) > most:
            raise SettingsError(f"{self.where}: {key} is not a list of at most {most}")
        return cast("list[Any]", value)

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value or "\0" in value:
            raise SettingsError(f"{self.where}: {key} is not a text")
        return value

    def text_or_none(self, key: str) -> str | None:
        return None if self.values.get(key) is None else self.text(key)

    def integer(self, key: str, low: int, high: int) -> int:
        value = self.values.get(key)
        if type(value) is not int or not low <= value <= high:
            raise SettingsError(f"{self.where}: {key} is not an integer from {low} to {high}")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        value = self.values.get(key)
        if type(value) not in (int, float) or not low <= cast("float", value) <= high:
            raise SettingsError(f"{self.where}: {key} is not a number from {low} to {high}")
        return cast("float", value)


def _node(entry: _Table, base: Path) -> NodeSettings:
    node_id = entry.text("id")
    if not is_node_id(node_id):
        raise SettingsError(f"{entry.where}: {node_id!r} is no id of a node")
    kind = entry.text("kind")
    if kind not in KIND_CODES:
        raise SettingsError(f"{entry.where}: {kind!r} is none of {', '.join(KIND_CODES)}")
    folder = base / entry.text("folder")
    if not (folder / "main.py").is_file():
        raise SettingsError(f"{entry.where}: {folder} has no main.py")
    config = _Table(_read_object(folder / "config.json"), str(folder / "config.json"))
    if config.text("node") != node_id:
        raise SettingsError(f"{config.where}: is the configuration of another node")
    board = _Table(_read_object(folder / "board.json"), str(folder / "board.json"))
    parts = board.table("parts").values
    return NodeSettings(
        id=node_id,
        folder=folder,
        kind=kind,
        feeder=entry.text_or_none("feeder"),
        cabinet=entry.text_or_none("cabinet"),
        latitude_udeg=config.integer("latitude_udeg", -90_000_000, 90_000_000),
        longitude_udeg=config.integer("longitude_udeg", -180_000_000, 180_000_000),
        utc_offset_min=config.integer("utc_offset_min", -840, 840),
        parts={name: _Table(part, f"{board.where}: {name}").values for name, part in parts.items()},
    )


def _series(table: _Table, base: Path) -> dict[str, Path]:
    if "series" not in table.values:
        return {}
    named = table.table("series")
    return {name: base / named.text(name) for name in named.values}


def _read_secret(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path}: others can read it; run: chmod 600 {path}")
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    if len(secret) < 16:
        raise SettingsError(f"{path}: a control secret has at least 16 characters")
    return secret


def _read_object(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > FILE_BYTES:
        raise SettingsError(f"{path}: is larger than {FILE_BYTES} bytes")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: is not JSON: {error}") from error
