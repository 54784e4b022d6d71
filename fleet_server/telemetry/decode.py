"""From a topic and its bytes to a checked message. Pure: refusals are values to count.

message = decode(topic, payload, now_s)     # ProtocolError says why not
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocols import messages
from protocols.errors import OUT_OF_RANGE, OVERSIZED, ProtocolError
from protocols.limits import UP_BYTES
from protocols.topics import parse_up

# A node's clock is a second or two off; a day is a node whose clock is wrong.
FUTURE_S = 86400


@dataclass(frozen=True, slots=True)
class Reading:
    """One report: its number, time and scaled values."""

    boot: int
    seq: int
    at_s: int
    values: list[int | None]


@dataclass(frozen=True, slots=True)
class Happening:
    """One event."""

    boot: int
    seq: int
    at_s: int
    code: int
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reported:
    """One reported state."""

    boot: int
    seq: int
    at_s: int
    desired_version: int
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message that keeps the contract; whether its node is known is not decided here."""

    node_id: str
    kind: int
    content: tuple[Reading | Happening | Reported, ...]


def decode(topic: str, payload: bytes, now_s: int) -> Decoded:
    """Checks and decodes one message of a node.

    Args:
        topic: as the broker gave it.
        payload: any bytes.
        now_s: city time, against clocks that run ahead.

    Raises:
        ProtocolError: it breaks the contract; the reason is one of protocols.errors.REASONS.
    """
    node_id, channel = parse_up(topic)
    if len(payload) > UP_BYTES:
        raise ProtocolError(OVERSIZED, f"{len(payload)} bytes")
    kind, content = _CHANNELS[channel](payload, now_s)
    for item in content:
        if item.at_s > now_s + FUTURE_S:
            raise ProtocolError(OUT_OF_RANGE, "at_s lies in the future")
    return Decoded(node_id, kind, content)


def _report(payload: bytes, _now_s: int) -> tuple[int, tuple[Reading, ...]]:
    kind, boot, seq, at_s, values = messages.decode_report(payload)
    return kind, (Reading(boot, seq, at_s, values),)


def _batch(payload: bytes, _now_s: int) -> tuple[int, tuple[Reading, ...]]:
    kind, boot, first_seq, rows = messages.decode_batch(payload)
    readings = [
        Reading(boot, first_seq + index, at_s, values) for index, (at_s, values) in enumerate(rows)
    ]
    return kind, tuple(readings)


def _event(payload: bytes, now_s: int) -> tuple[int, tuple[Happening, ...]]:
    kind, boot, seq, at_s, code, detail = messages.decode_event(payload)
    if code == messages.OFFLINE:
        # The node wrote its last will when it connected; the broker speaks it now.
        at_s = now_s
    return kind, (Happening(boot, seq, at_s, code, detail),)


def _state(payload: bytes, _now_s: int) -> tuple[int, tuple[Reported, ...]]:
    kind, boot, seq, at_s, desired_version, facts = messages.decode_state(payload)
    return kind, (Reported(boot, seq, at_s, desired_version, facts),)


_CHANNELS = {"report": _report, "batch": _batch, "event": _event, "state": _state}
