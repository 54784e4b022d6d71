"""Login, logout, me, and the upkeep of users under /api/v1."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, StringConstraints

from fleet_server.access import service
from fleet_server.access.limiter import LoginLimiter
from fleet_server.errors import NotAllowedError
from fleet_server.ports import Services
from fleet_server.web import (
    COOKIE,
    Administrator,
    ServicesOf,
    Viewer,
    client_address,
    csrf_token,
    session_token,
)

router = APIRouter(prefix="/api/v1", tags=["access"])

_Name = Annotated[str, StringConstraints(max_length=100)]
_Password = Annotated[str, StringConstraints(max_length=1000)]


class Login(BaseModel):
    """Body of POST /login."""

    username: _Name
    password: _Password


class NewUser(BaseModel):
    """Body of POST /users."""

    username: _Name
    password: _Password
    roles: list[_Name]


class UserChange(BaseModel):
    """Body of PATCH /users/{name}; what is absent stays."""

    roles: list[_Name] | None = None
    disabled: bool | None = None


class NewPassword(BaseModel):
    """Body of PUT /users/{name}/password."""

    password: _Password


class OwnPassword(BaseModel):
    """Body of PUT /me/password."""

    current: _Password
    password: _Password


@router.post("/login")
def login(
    body: Login, request: Request, response: Response, services: ServicesOf
) -> dict[str, Any]:
    """Opens a session; the token is also set as a cookie that scripts cannot read."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowedError("The login did not come from a page of this site.", code="csrf")
    token, identity = service.login(
        services.database,
        services.clock,
        limiter_of(request),
        services.settings.session_s,
        username=body.username,
        password=body.password,
        address=client_address(request),
    )
    set_cookie(response, services, token)
    return {
        "token": token,
        "username": identity.name,
        "roles": sorted(identity.roles),
        "expires_s": identity.expires_s,
        "csrf": csrf_token(token),
    }


@router.post("/logout")
def logout(
    request: Request, response: Response, services: ServicesOf, actor: Viewer
) -> dict[str, bool]:
    """Ends the session that asks."""
    token, _ = session_token(request)
    service.logout(services.database, services.clock, actor, token)
    response.delete_cookie(COOKIE, path="/")
    return {"ok": True}


@router.get("/me")
def me(request: Request, actor: Viewer) -> dict[str, Any]:
    """Who is asking, what they may do, and the token that their writes need."""
    token, _ = session_token(request)
    return {"username": actor.name, "roles": sorted(actor.roles), "csrf": csrf_token(token)}


@router.put("/me/password")
def change_own_password(
    body: OwnPassword, request: Request, response: Response, services: ServicesOf, actor: Viewer
) -> dict[str, str]:
    """Changes one's own password; other sessions end, this one is opened anew."""
    address = client_address(request)
    limiter = limiter_of(request)
    arguments = (services.database, services.clock, limiter, services.settings.session_s)
    service.login(*arguments, username=actor.name, password=body.current, address=address)
    service.set_password(
        services.database, services.clock, actor, username=actor.name, password=body.password
    )
    token, _ = service.login(
        *arguments, username=actor.name, password=body.password, address=address
    )
    set_cookie(response, services, token)
    return {"token": token, "csrf": csrf_token(token)}


@router.get("/users")
def users(services: ServicesOf, _: Administrator) -> dict[str, Any]:
    """All users, without their passwords."""
    return {"users": [_shown(user) for user in service.list_users(services.database)]}


@router.post("/users", status_code=201)
def create_user(body: NewUser, services: ServicesOf, actor: Administrator) -> dict[str, Any]:
    """Makes a user."""
    user = service.create_user(
        services.database,
        services.clock,
        actor,
        username=body.username,
        password=body.password,
        roles=body.roles,
    )
    return _shown(user)


@router.patch("/users/{name}")
def change_user(
    name: str, body: UserChange, services: ServicesOf, actor: Administrator
) -> dict[str, Any]:
    """Changes roles, disables or enables."""
    user = service.change_user(
        services.database,
        services.clock,
        actor,
        username=name,
        roles=body.roles,
        disabled=body.disabled,
    )
    return _shown(user)


@router.put("/users/{name}/password")
def set_password(
    name: str, body: NewPassword, services: ServicesOf, actor: Administrator
) -> dict[str, bool]:
    """Sets somebody's password and ends their sessions."""
    service.set_password(
        services.database, services.clock, actor, username=name, password=body.password
    )
    return {"ok": True}


def limiter_of(request: Request) -> LoginLimiter:
    """The process's one limiter of logins."""
    limiter = request.app.state.login_limiter
    assert isinstance(limiter, LoginLimiter)
    return limiter


def set_cookie(response: Response, services: Services, token: str) -> None:
    """Gives the browser the session."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=services.settings.session_s,
        path="/",
        httponly=True,
        samesite="strict",
        secure=services.settings.secure_cookie,
    )


def _shown(user: service.User) -> dict[str, Any]:
    return {
        "username": user.name,
        "roles": user.roles.split(),
        "disabled": user.disabled,
        "created_s": user.created_s,
    }
