"""What every route needs: the services, who is asking, and their role.

    @router.get("/nodes")
    def nodes(services: ServicesOf, _: Viewer) -> ...:

    @router.post("/groups")
    def make(body: Group, services: ServicesOf, actor: Operator) -> ...:

Every route names a role this way (a test walks them); what is open to all is
listed in `OPEN_PATHS`. Who somebody is, `access` decides; this module only
asks it through `Services.authenticate`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from fleet_server.errors import NotAllowedError, NotLoggedInError
from fleet_server.ports import Services

COOKIE = "cf_session"
CSRF_HEADER = "x-csrf-token"
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/api/v1/login", "/api/v1/provisioning/enrol"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, for rights and for the audit.

    Attributes:
        name: user name, or "system:<task>" for the server itself.
        roles: all roles held, included ones too.
        address: where the request came from; empty for the server itself.
    """

    name: str
    roles: frozenset[str] = frozenset()
    address: str = ""


def system_actor(task: str) -> Actor:
    """The server itself at work in a named task."""
    return Actor(name="system:" + task)


def get_services(request: Request) -> Services:
    """The process's services."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


def client_address(request: Request) -> str:
    """The peer's address, without its port."""
    return request.client.host if request.client else ""


def csrf_token(session_token: str) -> str:
    """What a page puts into <meta name=csrf>: bound to the session, useless without it."""
    return hmac.new(session_token.encode(), b"cityfleet-csrf", hashlib.sha256).hexdigest()


def session_token(request: Request) -> tuple[str, bool]:
    """The token of a request and whether it came by cookie; an empty one if there is none."""
    header = request.headers.get("authorization", "")
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip(), False
    return request.cookies.get(COOKIE, ""), True


def same_origin(request: Request) -> bool:
    """Whether the browser itself vouches that this site's own page sent the request."""
    return request.headers.get("sec-fetch-site", "") == "same-origin"


def optional_actor(request: Request) -> Actor | None:
    """Who is asking, or None; raises nothing, changes nothing."""
    token, _ = session_token(request)
    if not token:
        return None
    identity = get_services(request).authenticate(token)
    if identity is None:
        return None
    return Actor(identity.name, identity.roles, client_address(request))


def require(role: str) -> Callable[[Request], Actor]:
    """A dependency that lets in who holds `role` and gives the `Actor`.

    Raises (when called for a request):
        NotLoggedInError: no good login.
        NotAllowedError: the role is missing, or a write by cookie that this
            site's own page did not send.
    """

    def dependency(request: Request) -> Actor:
        actor = optional_actor(request)
        if actor is None:
            raise NotLoggedInError("Please log in.")
        _check_origin(request)
        if role not in actor.roles:
            raise NotAllowedError(f"This needs the role {role}.")
        return actor

    dependency.required_role = role  # type: ignore[attr-defined]
    return dependency


def _check_origin(request: Request) -> None:
    # A bearer token is never sent by a browser of its own accord.
    token, by_cookie = session_token(request)
    if request.method in _SAFE_METHODS or not by_cookie or same_origin(request):
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), csrf_token(token).encode()):
        raise NotAllowedError("The request did not come from a page of this site.", code="csrf")


ServicesOf = Annotated[Services, Depends(get_services)]
Viewer = Annotated[Actor, Depends(require("viewer"))]
Operator = Annotated[Actor, Depends(require("operator"))]
Technician = Annotated[Actor, Depends(require("technician"))]
ReleaseManager = Annotated[Actor, Depends(require("release_manager"))]
Administrator = Annotated[Actor, Depends(require("administrator"))]
