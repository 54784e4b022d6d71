"""Nodes, their readings and events, refused messages, and the live stream under /api/v1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from fleet_server.ports import Services
from fleet_server.telemetry import service
from fleet_server.web import ServicesOf, Viewer, session_token

router = APIRouter(prefix="/api/v1", tags=["telemetry"])

# A proxy that hears nothing for a minute closes; a session that ended is noticed at the same beat.
HEARTBEAT_S = 15
RETRY_MS = 2000


@router.get("/nodes")
def nodes(
    request: Request,
    services: ServicesOf,
    _: Viewer,
    kind: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
    group: str = "",
    state: str = "",
    limit: Annotated[int, Query(ge=1, le=20_000)] = 20_000,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Nodes with their latest state."""
    return service.nodes(
        services.database,
        desired_versions_of(request),
        kind=kind,
        q=q,
        group=group,
        state=state,
        limit=limit,
        offset=offset,
    )


@router.get("/nodes/{node_id}")
def node(node_id: str, request: Request, services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """One node with its latest state and the units of its fields."""
    return service.node(services.database, desired_versions_of(request), node_id)


@router.get("/nodes/{node_id}/readings")
def readings(
    node_id: str,
    services: ServicesOf,
    _: Viewer,
    hours: Annotated[int, Query(ge=1, le=24 * 366)] = 24,
) -> dict[str, Any]:
    """Readings of the last hours of city time, in columns."""
    return service.readings(services.database, node_id, hours=hours, now_s=services.clock.now_s())


@router.get("/nodes/{node_id}/events")
def events(
    node_id: str,
    services: ServicesOf,
    _: Viewer,
    limit: Annotated[int, Query(ge=1, le=service.EVENTS)] = 100,
) -> dict[str, Any]:
    """What happened at a node, newest first."""
    return service.events(services.database, node_id, limit=limit)


@router.get("/refusals")
def refusals(services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """Messages that the server refused: counts by reason and the newest samples."""
    return service.refusals(services.database)


@router.get("/stream")
async def stream(request: Request, services: ServicesOf, _: Viewer) -> StreamingResponse:
    """Live news as server-sent events until the session ends."""
    token, _by_cookie = session_token(request)
    return StreamingResponse(
        _news(services, token),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


def desired_versions_of(request: Request) -> service.DesiredVersions:
    """How this process finds the wanted versions; `main` puts it into the app's state."""
    return request.app.state.desired_versions


async def _news(services: Services, token: str) -> AsyncIterator[bytes]:
    with services.hub.subscribe() as subscription:
        yield b"retry: %d\n\n" % RETRY_MS
        waiting: asyncio.Future[tuple[str, dict[str, Any]]] | None = None
        try:
            while True:
                if waiting is None:
                    waiting = asyncio.ensure_future(anext(subscription))  # type: ignore[arg-type]
                done, _ = await asyncio.wait((waiting,), timeout=HEARTBEAT_S)
                if not done:
                    if await asyncio.to_thread(services.authenticate, token) is None:
                        return
                    yield b": still here\n\n"
                    continue
                try:
                    event, data = waiting.result()
                except StopAsyncIteration:
                    return
                waiting = None
                text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
                yield f"event: {event}\ndata: {text}\n\n".encode()
        finally:
            if waiting is not None:
                waiting.cancel()
