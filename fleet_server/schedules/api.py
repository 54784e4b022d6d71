"""Programs, previews, pushes and overrides under /api/v1."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date as Date
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StrictInt

from fleet_server.commands.dispatch import announce, dispatcher_of, summaries
from fleet_server.commands.models import Command
from fleet_server.errors import InvalidError
from fleet_server.ports import Services
from fleet_server.schedules import rules, service
from fleet_server.web import Operator, ServicesOf, Viewer
from protocols.sun import DAY_S, EPOCH_S

router = APIRouter(prefix="/api/v1", tags=["schedules"])

_Text = Annotated[str, Field(max_length=1000)]
_Id = Annotated[str, Field(max_length=100)]
_FIRST_DAY = Date(2000, 1, 1)
_NOON_S = 12 * 3600


class NewProgram(BaseModel):
    """Body of POST /programs and PUT /programs/{id}; `rules.check_steps` judges the steps."""

    name: _Text
    steps: Annotated[list[dict[str, Any]], Field(max_length=1000)]


class Push(BaseModel):
    """Body of POST /schedules/push."""

    program_id: StrictInt
    group_id: _Id


class Lamps(BaseModel):
    """Body of DELETE /overrides: either a group or nodes."""

    group_id: _Id | None = None
    node_ids: Annotated[list[_Id] | None, Field(max_length=100_000)] = None


class NewOverride(Lamps):
    """Body of POST /overrides."""

    level: StrictInt
    minutes: StrictInt
    reason: _Text = ""


@router.get("/programs")
def programs(services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """All programs by name."""
    return {"programs": service.programs(services.database)}


@router.post("/programs", status_code=201)
def create_program(body: NewProgram, services: ServicesOf, actor: Operator) -> dict[str, Any]:
    """Makes a program."""
    return service.save_program(
        services.database, services.clock, actor, program_id=None, name=body.name, steps=body.steps
    )


@router.put("/programs/{program_id}")
def change_program(
    program_id: int, body: NewProgram, services: ServicesOf, actor: Operator
) -> dict[str, Any]:
    """Gives a program its next version; lamps follow it at the next push."""
    return service.save_program(
        services.database,
        services.clock,
        actor,
        program_id=program_id,
        name=body.name,
        steps=body.steps,
    )


@router.get("/programs/{program_id}/versions")
def versions(program_id: int, services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """All that a program ever was, newest first."""
    return {"versions": service.versions(services.database, program_id)}


@router.get("/programs/{program_id}/preview")
def preview(
    program_id: int, node: _Id, services: ServicesOf, _: Viewer, date: str = ""
) -> dict[str, Any]:
    """The level at a lamp over the night of a date (without one: of this night)."""
    day = _day(date, services)
    night = service.preview(services.database, program_id, node, day)
    return {"date": Date.fromordinal(_FIRST_DAY.toordinal() + day).isoformat()} | asdict(night)


@router.post("/schedules/push")
def push(
    body: Push, request: Request, services: ServicesOf, actor: Operator
) -> dict[str, int | None]:
    """Sends a program to the lamps of a group."""
    command = service.push(
        services.database,
        services.clock,
        actor,
        program_id=body.program_id,
        group_id=body.group_id,
    )
    return _sent(request, services, command)


@router.get("/overrides")
def overrides(services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """The overrides that run now, lamp by lamp."""
    return {"overrides": service.overrides(services.database, services.clock)}


@router.post("/overrides")
def set_override(
    body: NewOverride, request: Request, services: ServicesOf, actor: Operator
) -> dict[str, int | None]:
    """Gives lamps a level for a while."""
    command = service.override(
        services.database,
        services.clock,
        actor,
        group_id=body.group_id,
        node_ids=body.node_ids,
        level=body.level,
        minutes=body.minutes,
        reason=body.reason,
    )
    return _sent(request, services, command)


@router.delete("/overrides")
def clear_overrides(
    body: Lamps, request: Request, services: ServicesOf, actor: Operator
) -> dict[str, int | None]:
    """Sends lamps back to their program early."""
    command = service.clear_override(
        services.database, services.clock, actor, group_id=body.group_id, node_ids=body.node_ids
    )
    return _sent(request, services, command)


def _sent(request: Request, services: Services, command: Command) -> dict[str, int | None]:
    """Wakes the dispatcher first: the lamp is what somebody waits for."""
    dispatcher_of(request).wake()
    assert command.id is not None
    with services.database.read() as session:
        news = summaries(session, [command.id])
    announce(services.hub, news)
    return {"command_id": command.id}


def _day(text: str, services: Services) -> int:
    """Days since 2000-01-01 of an ISO date, or of the night that holds the present moment."""
    if not text:
        local_s = services.clock.now_s() + rules.UTC_OFFSET_MIN * 60 - _NOON_S
        return (local_s - EPOCH_S) // DAY_S
    try:
        chosen = Date.fromisoformat(text)
    except ValueError:
        raise InvalidError("The date must be like 2026-02-17.", field="date") from None
    day = chosen.toordinal() - _FIRST_DAY.toordinal()
    if not 0 <= day < 36500:
        raise InvalidError("The date must lie between 2000 and 2099.", field="date")
    return day
