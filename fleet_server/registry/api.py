"""Topology, groups and import under /api/v1.

Live state is telemetry's, a node's life provisioning's.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from fleet_server.registry import service
from fleet_server.registry.importing import Inventory, import_inventory
from fleet_server.web import Administrator, Operator, ServicesOf, Viewer

router = APIRouter(prefix="/api/v1", tags=["registry"])


class NewGroup(BaseModel):
    """Body of POST /groups."""

    name: Annotated[str, Field(max_length=1000)]
    node_ids: list[Annotated[str, Field(max_length=100)]]


@router.get("/topology")
def topology(services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """Zones, and cabinets with their feeders and nodes."""
    return service.topology(services.database)


@router.post("/registry/import")
def import_registry(
    body: Inventory, services: ServicesOf, actor: Administrator
) -> dict[str, dict[str, int]]:
    """Takes an inventory over, whole or not at all."""
    result = import_inventory(services.database, services.clock, actor, body)
    services.hub.nodes_changed(row.id for row in body.nodes)
    return result


@router.get("/groups")
def groups(services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """All groups with their members."""
    return {"groups": service.groups(services.database)}


@router.post("/groups", status_code=201)
def create_group(body: NewGroup, services: ServicesOf, actor: Operator) -> dict[str, Any]:
    """Makes a group."""
    return service.create_group(
        services.database, services.clock, actor, name=body.name, node_ids=body.node_ids
    )


@router.delete("/groups/{group_id}")
def delete_group(group_id: str, services: ServicesOf, actor: Operator) -> dict[str, bool]:
    """Deletes a group, not its nodes."""
    service.delete_group(services.database, services.clock, actor, group_id)
    return {"ok": True}
