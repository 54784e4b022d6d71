"""What one can order of a bench: checked as a whole, then carried out.

    order = parse({"do": "cut_feeder", "feeder": "pk-fd-1"}, settings)     # OrderError says why not
    carry_out(bench, order)

The control line and scenario files both speak in these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from boards.virtual.bench import Bench
from boards.virtual.errors import OrderError
from boards.virtual.feeding import Feeding
from boards.virtual.hand import checked
from boards.virtual.settings import BenchSettings

_SWITCHED = ("node", "feeder", "cabinet")


@dataclass(frozen=True, slots=True)
class Order:
    """One order that makes sense on its bench.

    Attributes:
        verb: cut, restore or set.
        kind: node, feeder or cabinet; for set, always node.
        name: which one.
        what: for set, the name of what changes.
        value: for set, its value.
    """

    verb: str
    kind: str
    name: str
    what: str = ""
    value: Any = None


def parse(order: Mapping[str, Any], settings: BenchSettings) -> Order:
    """Checks an order against the bench; nothing is changed.

    Raises:
        OrderError: it makes no sense, or names what is not there.
    """
    do = order.get("do")
    if not isinstance(do, str):
        raise OrderError('an order is {"do": what, ..}')
    verb, _, kind = do.partition("_")
    if verb in ("cut", "restore") and kind in _SWITCHED:
        name = _text(order, kind)
        # A feeding of its own: whether there is one of that name.
        Feeding(settings.nodes).cut(kind, name)
        return Order(verb, kind, name)
    if do == "set":
        name, what = _text(order, "node"), _text(order, "what")
        parts = {node.id: node.parts for node in settings.nodes}
        if name not in parts:
            raise OrderError(f"there is no node {name!r} on this bench")
        checked(what, order.get("value"), parts[name])
        return Order("set", "node", name, what, order.get("value"))
    raise OrderError(f"unknown order {do!r}")


def carry_out(bench: Bench, order: Order) -> dict[str, Any]:
    """Does it; what there is to answer."""
    if order.verb == "set":
        bench.set(order.name, order.what, order.value)
        return {}
    switch = bench.cut if order.verb == "cut" else bench.restore
    return {"nodes": switch(order.kind, order.name)}


def _text(order: Mapping[str, Any], key: str) -> str:
    value = order.get(key)
    if not isinstance(value, str):
        raise OrderError(f"the order needs {key}, a text")
    return value
