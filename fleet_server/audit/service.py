"""Writes the audit. Reading it is `api.py`."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from fleet_server.audit.models import AuditEntry
from fleet_server.ports import Clock
from fleet_server.web import Actor


def record(
    session: Session,
    clock: Clock,
    actor: Actor,
    action: str,
    *,
    target: str = "",
    before: Any = None,
    after: Any = None,
) -> None:
    """Adds one entry to the transaction that makes the change, so both happen or neither.

    Args:
        session: the write session that holds the change.
        clock: gives both times of the entry.
        actor: who does it.
        action: `<noun>.<verb>`, such as `override.set`.
        target: what it was done to, such as `group:pk-all`.
        before: JSON of what was; never a secret.
        after: JSON of what is now; never a secret.
    """
    session.add(
        AuditEntry(
            at_s=clock.now_s(),
            system_at_s=clock.system_now_s(),
            actor=actor.name,
            address=actor.address,
            action=action,
            target=target,
            before=before,
            after=after,
        )
    )
