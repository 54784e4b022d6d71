"""What may stand in the registry: names, places, states of a node, the folded search text."""

from __future__ import annotations

import re
import unicodedata

from fleet_server.errors import ConflictError, InvalidError
from protocols.fields import KIND_CODES
from protocols.topics import is_node_id

# From plan to scrap. `enrol` and `first report` are the server's own doing, the
# others a technician's.
NODE_STATES: dict[str, dict[str, str]] = {
    "planned": {"enrol": "provisioned", "retire": "retired"},
    "provisioned": {
        "enrol": "provisioned",
        "first report": "commissioned",
        "replace": "planned",
        "retire": "retired",
    },
    "commissioned": {"replace": "planned", "retire": "retired"},
    "retired": {"replace": "planned"},
}
TECHNICIAN_EVENTS = frozenset({"replace", "retire"})
TEXT_CHARS = 200
# Rows of each sort in one import: a province.
IMPORT_ROWS = 100_000
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def next_state(state: str, event: str) -> str:
    """The state after an event.

    Raises:
        ConflictError: the event cannot happen in this state.
    """
    after = NODE_STATES[state].get(event)
    if after is None:
        raise ConflictError(f"A node that is {state} cannot {event}.")
    return after


def fold(text: str) -> str:
    """Text as somebody types it who has no Vietnamese keyboard: 'Điện Biên' -> 'dien bien'."""
    plain = text.replace("đ", "d").replace("Đ", "D")
    letters = unicodedata.normalize("NFD", plain)
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(kept.casefold().split())


def slug(name: str) -> str:
    """An id made from a name; "" when the name has no letter or digit for one."""
    return re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:40].strip("-")


def check_id(value: str, field: str) -> None:
    """Refuses an id of a zone, cabinet, feeder or group that cannot stand in a URL.

    Raises:
        InvalidError: not 1 to 40 of a-z, 0-9 and '-'.
    """
    if _ID.fullmatch(value) is None:
        raise InvalidError(f"{field}: {value!r} is not 1 to 40 of a-z, 0-9 and '-'.", field=field)


def check_node_id(value: str, field: str) -> None:
    """Refuses what cannot name a node on the wire.

    Raises:
        InvalidError: see `protocols.topics.is_node_id`.
    """
    if not is_node_id(value):
        raise InvalidError(
            f"{field}: {value!r} is not 2 to 31 of a-z, 0-9 and '-', or begins with server-.",
            field=field,
        )


def check_kind(value: str, field: str) -> None:
    """Refuses a kind that the contract does not know.

    Raises:
        InvalidError: not a name of `protocols.fields.KIND_CODES`.
    """
    if value not in KIND_CODES:
        known = ", ".join(KIND_CODES)
        raise InvalidError(f"{field}: {value!r} is none of {known}.", field=field)


def check_text(value: str, field: str) -> None:
    """Refuses an empty or overlong name.

    Raises:
        InvalidError: not 1 to 200 printable characters.
    """
    if not value.strip() or len(value) > TEXT_CHARS or not value.isprintable():
        raise InvalidError(f"{field}: must be 1 to {TEXT_CHARS} characters.", field=field)


def check_place(lat: float, lon: float, field: str) -> None:
    """Refuses a place that is not on the Earth.

    Raises:
        InvalidError: beyond +-90 and +-180 degrees, or not a number.
    """
    if not -90 <= lat <= 90:
        raise InvalidError(f"{field}.lat: {lat} is not a latitude.", field=field + ".lat")
    if not -180 <= lon <= 180:
        raise InvalidError(f"{field}.lon: {lon} is not a longitude.", field=field + ".lon")
