"""GET /api/v1/commands: what was asked of the nodes, and how far each has got.

Commands are given under the nouns of their capabilities: schedules, overrides, rollouts.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlmodel import col, select

from fleet_server.commands.dispatch import summaries
from fleet_server.commands.models import Command, CommandTarget
from fleet_server.errors import NotFoundError
from fleet_server.registry.models import Node
from fleet_server.web import ServicesOf, Viewer

router = APIRouter(prefix="/api/v1", tags=["commands"])


@router.get("/commands")
def commands(
    services: ServicesOf,
    _: Viewer,
    kind: str = "",
    node: str = "",
    before_id: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """The newest first, each with its counts by state; page on with `before_id`."""
    query = select(Command.id).order_by(col(Command.id).desc()).limit(limit)
    if kind:
        query = query.where(Command.kind == kind)
    if node:
        mine = select(CommandTarget.command_id).where(CommandTarget.node_id == node)
        query = query.where(col(Command.id).in_(mine))
    if before_id is not None:
        query = query.where(col(Command.id) < before_id)
    with services.database.read() as session:
        numbers = [number for number in session.exec(query) if number is not None]
        found = summaries(session, numbers)
    found.reverse()
    return {"commands": found, "next_before_id": numbers[-1] if len(numbers) == limit else None}


@router.get("/commands/{command_id}")
def command(command_id: int, services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """One command with every target.

    Raises:
        NotFoundError: no such command.
    """
    query = (
        select(CommandTarget, Node.name)
        .join(Node, col(Node.id) == col(CommandTarget.node_id))
        .where(CommandTarget.command_id == command_id)
        .order_by(CommandTarget.node_id)
    )
    with services.database.read() as session:
        found = summaries(session, [command_id])
        if not found:
            raise NotFoundError(f"There is no command {command_id}.")
        targets = [
            target.model_dump(exclude={"command_id", "aspect"}) | {"name": name}
            for target, name in session.exec(query)
        ]
    return found[0] | {"targets": targets}
