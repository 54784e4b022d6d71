"""The rules of greenhouses under /api/v1."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from fleet_server.commands.dispatch import announce, dispatcher_of, summaries
from fleet_server.commands.models import Command
from fleet_server.ports import Services
from fleet_server.stations import rules, service
from fleet_server.web import Operator, ServicesOf, Viewer

router = APIRouter(prefix="/api/v1", tags=["stations"])

_Id = Annotated[str, Field(max_length=100)]


class NewRules(BaseModel):
    """Body of PUT /rules; `rules.wire_rules` judges them."""

    group_id: _Id | None = None
    node_ids: Annotated[list[_Id] | None, Field(max_length=10_000)] = None
    rules: Annotated[dict[str, Any], Field(max_length=16)]


@router.get("/nodes/{node_id}/rules")
def node_rules(node_id: str, services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """What a greenhouse is told to switch by, in units, and what may be chosen."""
    return service.rules_of(services.database, node_id) | {"choices": rules.choices()}


@router.put("/rules")
def set_rules(
    body: NewRules, request: Request, services: ServicesOf, actor: Operator
) -> dict[str, int | None]:
    """Gives greenhouses their rules, whole."""
    command = service.set_rules(
        services.database,
        services.clock,
        actor,
        group_id=body.group_id,
        node_ids=body.node_ids,
        given=body.rules,
    )
    return sent(request, services, command)


def sent(request: Request, services: Services, command: Command) -> dict[str, int | None]:
    """Wakes the dispatcher and tells the screens."""
    dispatcher_of(request).wake()
    assert command.id is not None
    with services.database.read() as session:
        news = summaries(session, [command.id])
    announce(services.hub, news)
    return {"command_id": command.id}
