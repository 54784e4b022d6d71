"""Alarms and planned switching under /api/v1."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, StrictInt

from fleet_server.alarms import service
from fleet_server.alarms.watch import watch_of
from fleet_server.web import Operator, ServicesOf, Viewer

router = APIRouter(prefix="/api/v1", tags=["alarms"])

_Text = Annotated[str, Field(max_length=2000)]
_Id = Annotated[str, Field(max_length=100)]


class Acknowledgement(BaseModel):
    """Body of POST /alarms/{id}/acknowledge."""

    note: _Text = ""


class NewSwitching(BaseModel):
    """Body of POST /switchings; without `from_s` it begins now. City time."""

    object_kind: _Id
    object_id: _Id
    minutes: StrictInt
    reason: _Text
    from_s: Annotated[StrictInt | None, Field(ge=0, le=0xFFFFFFFF)] = None


@router.get("/alarms")
def alarms(
    services: ServicesOf,
    _: Viewer,
    state: str = "",
    before_id: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> dict[str, Any]:
    """Alarms by state (`active`, `cleared`; without one: all), active ones first."""
    found = service.alarms(services.database, state=state, before_id=before_id, limit=limit)
    return {"alarms": found}


@router.get("/alarms/{alarm_id}")
def alarm(alarm_id: int, services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """One alarm with its nodes."""
    return service.alarm(services.database, alarm_id)


@router.post("/alarms/{alarm_id}/acknowledge")
def acknowledge(
    alarm_id: int, body: Acknowledgement, services: ServicesOf, actor: Operator
) -> dict[str, Any]:
    """Says that somebody takes care of it."""
    found = service.acknowledge(services.database, services.clock, actor, alarm_id, body.note)
    services.hub.publish("alarm", found)
    return found


@router.get("/switchings")
def switchings(services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """Planned switching that goes on or is to come."""
    return {"switchings": service.switchings(services.database, services.clock)}


@router.post("/switchings", status_code=201)
def plan_switching(
    body: NewSwitching, request: Request, services: ServicesOf, actor: Operator
) -> dict[str, Any]:
    """Announces that mains will be off on purpose, so that nobody is alarmed."""
    planned = service.plan_switching(
        services.database,
        services.clock,
        actor,
        object_kind=body.object_kind,
        object_id=body.object_id,
        from_s=body.from_s,
        minutes=body.minutes,
        reason=body.reason,
    )
    watch_of(request).reload()
    return planned


@router.delete("/switchings/{switching_id}")
def end_switching(
    switching_id: int, request: Request, services: ServicesOf, actor: Operator
) -> dict[str, Any]:
    """Ends planned switching now."""
    ended = service.end_switching(services.database, services.clock, actor, switching_id)
    watch_of(request).reload()
    return ended
