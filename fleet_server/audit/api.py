"""GET /api/v1/audit: the newest entries first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlmodel import col, select

from fleet_server.audit.models import AuditEntry
from fleet_server.web import Administrator, ServicesOf

router = APIRouter(prefix="/api/v1", tags=["audit"])


@router.get("/audit")
def entries(
    services: ServicesOf,
    _: Administrator,
    actor: str = "",
    action: str = "",
    before_id: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Entries by actor or action (a prefix such as `override.`); page on with `before_id`."""
    query = select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(limit)
    if actor:
        query = query.where(AuditEntry.actor == actor)
    if action:
        query = query.where(col(AuditEntry.action).startswith(action, autoescape=True))
    if before_id is not None:
        query = query.where(col(AuditEntry.id) < before_id)
    with services.database.read() as session:
        found = [entry.model_dump() for entry in session.exec(query)]
    return {"entries": found, "next_before_id": found[-1]["id"] if len(found) == limit else None}
