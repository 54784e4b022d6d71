"""Rules of the shadow: the life of a command's target and how documents change. Pure.

Each node has one desired document with a version that only grows. A command changes one aspect of
the documents of some nodes; each (command, node) pair is a target that waits for its version.

- Documents are cumulative: who reports version 7 has also taken over what version 6 asked for.
- A newer command for the same aspect supersedes the targets that still wait; other aspects go on.
- A refusal of version 6 refuses every waiting target up to 6, since version 6 carried them all.

Left to others: storing (service), publishing (dispatcher), what an aspect means (its capability).

    >>> step("queued", "published")
    'sent'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fleet_server.commands.errors import TargetStateError

QUEUED, SENT, REACHED = "queued", "sent", "reached"
REFUSED, SUPERSEDED = "refused", "superseded"

TARGET_LIFE: dict[str, dict[str, str]] = {
    QUEUED: {
        "published": SENT,
        # The node can answer before the broker's PUBACK reaches us.
        "reported": REACHED,
        "refused": REFUSED,
        "superseded": SUPERSEDED,
    },
    SENT: {
        # Published again after the broker was lost.
        "published": SENT,
        "reported": REACHED,
        "refused": REFUSED,
        "superseded": SUPERSEDED,
    },
    REACHED: {},
    REFUSED: {},
    SUPERSEDED: {},
}
OPEN_STATES = (QUEUED, SENT)

ASPECTS = ("calendar", "override", "report_s", "rules", "update")
ASPECT_OF_KIND = {
    "schedule": "calendar",
    "override": "override",
    "override_clear": "override",
    "report_interval": "report_s",
    "rules": "rules",
    "update": "update",
    "update_withdraw": "update",
}

Document = dict[str, Any]
"""One node's desired state: the map of protocols.messages.encode_desired, without the version."""


@dataclass(frozen=True, slots=True)
class Target:
    """One (command, node) pair that waits for its version."""

    command_id: int
    node_id: str
    aspect: str
    version: int
    state: str


@dataclass(frozen=True, slots=True)
class Transition:
    """A target's next state, as a value: what happened to it and why."""

    target: Target
    event: str
    state: str
    reason: str | None = None


def step(state: str, event: str) -> str:
    """The state after an event.

    Raises:
        TargetStateError: The event cannot happen in this state.
    """
    try:
        return TARGET_LIFE[state][event]
    except KeyError as error:
        raise TargetStateError(state, event) from error


def aspect_of(kind: str) -> str:
    """The part of the document that a kind of command changes.

    Raises:
        KeyError: No such kind of command; our own bug.
    """
    return ASPECT_OF_KIND[kind]


def empty_document() -> Document:
    """The document of a node that was never told anything: it follows its own configuration.

    Aspects that came later are left out until somebody asks for them: nodes with an older
    application refuse a document with a key that they do not know.
    """
    return {"calendar": None, "override": None, "report_s": None, "update": None}


def superseded(targets: Iterable[Target], aspect: str) -> list[Transition]:
    """The targets that a new command for one aspect makes pointless."""
    return [
        _move(target, "superseded")
        for target in targets
        if target.aspect == aspect and target.state in OPEN_STATES
    ]


def published(targets: Iterable[Target], version: int) -> list[Transition]:
    """The targets that are on their way once the broker has the document of this version."""
    return [
        _move(target, "published")
        for target in targets
        if target.version <= version and target.state == QUEUED
    ]


def reported(targets: Iterable[Target], version: int) -> list[Transition]:
    """The targets that are reached when the node reports this version."""
    return [
        _move(target, "reported")
        for target in targets
        if target.version <= version and target.state in OPEN_STATES
    ]


def refused(targets: Iterable[Target], version: int | None, reason: str) -> list[Transition]:
    """The targets that the node will not follow.

    Args:
        targets: The node's targets.
        version: The version it refused, or None when it could not even read the version: then
            whatever was sent last is meant.
        reason: The stable name of the error.
    """
    waiting = [target for target in targets if target.state in OPEN_STATES]
    if version is None:
        waiting = [target for target in waiting if target.state == SENT]
    return [
        _move(target, "refused", reason)
        for target in waiting
        if version is None or target.version <= version
    ]


def _move(target: Target, event: str, reason: str | None = None) -> Transition:
    return Transition(target, event, step(target.state, event), reason)
