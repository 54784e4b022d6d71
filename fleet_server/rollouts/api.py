"""Releases and rollouts under /api/v1."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Request, UploadFile
from pydantic import BaseModel, StrictInt

from fleet_server.commands.dispatch import dispatcher_of
from fleet_server.errors import TooLargeError
from fleet_server.ports import Services
from fleet_server.rollouts import service
from fleet_server.rollouts.executor import executor_of
from fleet_server.rollouts.release import MAX_RELEASE_BYTES
from fleet_server.web import ReleaseManager, ServicesOf, Viewer

router = APIRouter(prefix="/api/v1", tags=["rollouts"])


class NewRollout(BaseModel):
    """Body of POST /rollouts."""

    release_id: StrictInt


@router.get("/releases")
def releases(services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """All releases, newest first."""
    return {"releases": service.releases(services)}


@router.post("/releases", status_code=201)
def upload(
    file: Annotated[UploadFile, File()], services: ServicesOf, actor: ReleaseManager
) -> dict[str, Any]:
    """Takes a `.release` file in."""
    data = file.file.read(MAX_RELEASE_BYTES + 1)
    if len(data) > MAX_RELEASE_BYTES:
        raise TooLargeError("This is larger than any release.", field="file")
    return service.upload(services, actor, data)


@router.get("/rollouts")
def rollouts(services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """All rollouts, newest first, without their nodes."""
    return {"rollouts": service.rollouts(services)}


@router.post("/rollouts", status_code=201)
def start(
    body: NewRollout, request: Request, services: ServicesOf, actor: ReleaseManager
) -> dict[str, Any]:
    """Brings a release to all nodes of its kind: one, then a quarter, then all."""
    return _told(request, services, service.start(services, actor, body.release_id))


@router.get("/rollouts/{rollout_id}")
def rollout(rollout_id: int, services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """One rollout with every node."""
    return service.rollout(services, rollout_id)


@router.post("/rollouts/{rollout_id}/pause")
def pause(
    rollout_id: int, request: Request, services: ServicesOf, actor: ReleaseManager
) -> dict[str, Any]:
    """Offers the release to no further node; those that have begun go on."""
    return _told(request, services, service.act(services, actor, rollout_id, "pause"))


@router.post("/rollouts/{rollout_id}/resume")
def resume(
    rollout_id: int, request: Request, services: ServicesOf, actor: ReleaseManager
) -> dict[str, Any]:
    """Goes on; a canary that failed tries again first."""
    return _told(request, services, service.act(services, actor, rollout_id, "resume"))


@router.post("/rollouts/{rollout_id}/abort")
def abort(
    rollout_id: int, request: Request, services: ServicesOf, actor: ReleaseManager
) -> dict[str, Any]:
    """Ends it for good; what was offered and not begun is taken back."""
    return _told(request, services, service.act(services, actor, rollout_id, "abort"))


def _told(request: Request, services: Services, found: dict[str, Any]) -> dict[str, Any]:
    dispatcher_of(request).wake()
    executor_of(request.app.state).wake()
    services.hub.publish("rollout", {key: found[key] for key in found if key != "nodes"})
    return found
