"""The login form and the way out. Sessions themselves are `access`'s business."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from fleet_server.access import service
from fleet_server.access.api import limiter_of, set_cookie
from fleet_server.errors import FleetError, NotAllowedError, TooManyError
from fleet_server.ui import i18n, render
from fleet_server.web import (
    COOKIE,
    ServicesOf,
    client_address,
    csrf_token,
    optional_actor,
    same_origin,
    session_token,
)

router = APIRouter(include_in_schema=False)


@router.get("/login")
def form(request: Request, next: str = "/", lang: str = "") -> Response:
    """The form; whoever is logged in already goes on."""
    if lang in i18n.LANGUAGES:
        answer = RedirectResponse("/login", 303)
        render.set_language(answer, lang)
        return answer
    if optional_actor(request) is not None:
        return RedirectResponse(_inside(next), 303)
    return render.render(request, "login.html", None, next=_inside(next), username="", error="")


@router.post("/login")
def login(
    request: Request,
    services: ServicesOf,
    username: Annotated[str, Form(max_length=100)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Opens a session and goes to the page that was wanted, or shows the form again."""
    # A foreign page must not log its visitor in under the foreigner's account.
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowedError("The login did not come from a page of this site.", code="csrf")
    by_htmx = bool(request.headers.get("hx-request"))
    try:
        token, _ = service.login(
            services.database,
            services.clock,
            limiter_of(request),
            services.settings.session_s,
            username=username.strip(),
            password=password,
            address=client_address(request),
        )
    except FleetError as error:
        return _again(request, username, next, error, by_htmx)
    place = _inside(next)
    answer = Response(headers={"HX-Redirect": place}) if by_htmx else RedirectResponse(place, 303)
    set_cookie(answer, services, token)
    return answer


@router.post("/logout")
def logout(
    request: Request, services: ServicesOf, csrf: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Ends the session and shows the login."""
    actor = optional_actor(request)
    token, _ = session_token(request)
    if actor is not None:
        if not same_origin(request) and not hmac.compare_digest(csrf, csrf_token(token)):
            raise NotAllowedError("The request did not come from a page of this site.", code="csrf")
        service.logout(services.database, services.clock, actor, token)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _again(
    request: Request, username: str, next: str, error: FleetError, by_htmx: bool
) -> Response:
    words = render.words_of(request)
    if isinstance(error, TooManyError):
        text = words.sentence(
            "Too many wrong passwords. Try again in %(seconds)s s.", seconds=error.retry_after_s
        )
    else:
        text = words.sentence("User name or password is wrong.")
    template = "login_form.html" if by_htmx else "login.html"
    # htmx puts only good answers into the page; a plain form gets the true status.
    status = 200 if by_htmx else error.status
    return render.render(
        request, template, None, status=status, next=_inside(next), username=username, error=text
    )


def _inside(place: str) -> str:
    # Only a path of this site: "//host" and "/\host" lead away.
    if not place.startswith("/") or place[1:2] in ("/", "\\") or place.startswith("/login"):
        return "/"
    return place
