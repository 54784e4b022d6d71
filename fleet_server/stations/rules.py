"""Rules of a station as people give them, in units, and as the wire has them, scaled. Pure.

wire = wire_rules({"irrigation": {"measure": "soil_moisture_percent", "on": 25.0, "off": 32}})
shown_rules(wire)["irrigation"]["on"]       # 25.0
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from fleet_server.commands.rules import Document
from fleet_server.errors import InvalidError
from protocols.errors import ProtocolError
from protocols.fields import FIELDS, GREENHOUSE, OUTPUTS
from protocols.rules import CONDITIONS, MEASURES, check_rules

_FIELDS = {field[0]: field for field in FIELDS[GREENHOUSE] if field[0] in MEASURES}
# What a rule says where it is silent: no limit of the day, no interlock, off when blind, and
# times that spare a valve or a motor.
DEFAULTS: dict[str, Any] = {
    "min_on_s": 60,
    "min_off_s": 300,
    "most_on_s": None,
    "hours": None,
    "excludes": [],
    "limits": [],
    "fail_safe": 0,
}
# Water and a moving vent share one supply, and nobody waters for a day by mistake.
DEFAULTS_OF: dict[str, dict[str, Any]] = {
    "irrigation": {"most_on_s": 3600, "excludes": ["vent_motor"]},
}


def choices() -> dict[str, Any]:
    """What a form may offer: outputs, conditions, and measures with unit and bounds."""
    measures = [
        {"name": name, "unit": unit, "low": low / scale, "high": high / scale, "step": 1 / scale}
        for name, unit, scale, low, high in _FIELDS.values()
    ]
    return {"outputs": list(OUTPUTS), "conditions": list(CONDITIONS), "measures": measures}


def wire_rules(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Rules in units -> as the contract has them.

    Raises:
        InvalidError: what no node would follow; the field says where.
    """
    found: dict[str, dict[str, Any]] = {}
    for output, rule in given.items():
        if output not in OUTPUTS:
            raise InvalidError("There is no such output.", field=output)
        if not isinstance(rule, dict):
            raise InvalidError("A rule is a set of named figures.", field=output)
        found[output] = _wire_rule(output, cast("dict[str, Any]", rule))
    return found


def shown_rules(wire: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Rules of the contract -> in units."""
    found: dict[str, dict[str, Any]] = {}
    for output, rule in wire.items():
        scale = _FIELDS[rule["measure"]][2]
        limits = [
            [name, *(None if bound is None else bound / _FIELDS[name][2] for bound in bounds)]
            for name, *bounds in rule["limits"]
        ]
        found[output] = dict(rule) | {
            "on": rule["on"] / scale,
            "off": rule["off"] / scale,
            "limits": limits,
        }
    return found


def with_rules(document: Document, wire: dict[str, Any] | None) -> Document:
    """The document with these rules; without any the key goes, for nodes that know none."""
    changed = {key: value for key, value in document.items() if key != "rules"}
    return changed | {"rules": wire} if wire else changed


def with_rule(document: Document, output: str, wire: dict[str, Any] | None) -> Document:
    """The document with another rule for one output, or without any for it."""
    old = cast("dict[str, Any]", document.get("rules") or {})
    others = {name: rule for name, rule in old.items() if name != output}
    return with_rules(document, others | {output: wire} if wire else others)


def _wire_rule(output: str, given: dict[str, Any]) -> dict[str, Any]:
    rule = DEFAULTS | DEFAULTS_OF.get(output, {}) | given
    measure = rule.get("measure")
    if measure not in _FIELDS:
        raise InvalidError("Name what is measured.", field=f"{output}.measure")
    for key in ("on", "off"):
        rule[key] = _scaled(measure, rule.get(key), f"{output}.{key}")
    if isinstance(rule["limits"], list):
        limits = cast("list[Any]", rule["limits"])
        rule["limits"] = [_limit(limit, f"{output}.limits") for limit in limits]
    try:
        check_rules({output: rule})
    except ProtocolError as error:
        raise InvalidError(
            f"No node would take this: {error}.", code=error.reason, field=output
        ) from error
    return rule


def _limit(limit: Any, field: str) -> list[Any]:
    if not isinstance(limit, list) or len(cast("list[Any]", limit)) != 3:
        raise InvalidError("A limit is a measure with a low and a high bound.", field=field)
    measure, *bounds = cast("list[Any]", limit)
    if measure not in _FIELDS:
        raise InvalidError("Name what is measured.", field=field)
    return [measure, *(None if each is None else _scaled(measure, each, field) for each in bounds)]


def _scaled(measure: str, value: Any, field: str) -> int:
    name, unit, scale, low, high = _FIELDS[measure]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidError("This must be a number.", field=field)
    scaled = round(value * scale)
    if not low <= scaled <= high:
        bounds = f"{low / scale:g} to {high / scale:g} {unit}"
        raise InvalidError(f"{name} lies between {bounds}.", field=field)
    return scaled
