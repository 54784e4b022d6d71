"""The shells of the pages. What they show comes from the API once they are open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from fleet_server.access.rules import INCLUDES
from fleet_server.registry.models import Node
from fleet_server.ui import i18n, render
from fleet_server.web import Actor, ServicesOf, optional_actor

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Place:
    """One page in the main menu; `label` is the English text of a catalogue entry."""

    key: str
    path: str
    icon: str
    label: str
    role: str = "viewer"


def _(text: str) -> str:
    """Marks a text for the catalogues; the template looks it up."""
    return text


PLACES = (
    Place("map", "/", "map", _("Map")),
    Place("schedules", "/schedules", "calendar", _("Lighting")),
    Place("alarms", "/alarms", "bell", _("Alarms")),
    Place("releases", "/releases", "box", _("Software")),
    Place("provisioning", "/provisioning", "key", _("Enrolment"), "technician"),
    Place("messages", "/messages", "inbox", _("Refused")),
    Place("audit", "/audit", "log", _("Audit"), "administrator"),
)


class PageStop(Exception):
    """Something else is answered in the page's place: the login, another language, a refusal."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def reader(role: str) -> Callable[[Request], Actor]:
    """A dependency that gives who reads a page, with `role`.

    Raises (when called for a request):
        PageStop: not logged in, the role is missing, or a language was chosen.
    """

    def dependency(request: Request) -> Actor:
        language = request.query_params.get("lang")
        if language in i18n.LANGUAGES:
            raise PageStop(_language_chosen(request, language))
        actor = optional_actor(request)
        if actor is None:
            raise PageStop(_to_login(request))
        if role not in actor.roles:
            answer = show(request, "refused.html", actor, "", status=403, role=role)
            raise PageStop(answer)
        return actor

    dependency.required_role = role  # type: ignore[attr-defined]
    return dependency


Reader = Annotated[Actor, Depends(reader("viewer"))]
TechnicianReader = Annotated[Actor, Depends(reader("technician"))]
AdministratorReader = Annotated[Actor, Depends(reader("administrator"))]


def show(
    request: Request, template: str, actor: Actor, page: str, *, status: int = 200, **values: object
) -> Response:
    """A page in the frame that all pages share."""
    return render.render(
        request,
        template,
        actor,
        status=status,
        page=page,
        places=PLACES,
        shown_roles=_shown_roles(request, actor),
        **values,
    )


@router.get("/")
def map_page(request: Request, actor: Reader) -> Response:
    """The map and the list of nodes."""
    return show(request, "map.html", actor, "map")


@router.get("/nodes/{node_id}")
def node_page(node_id: str, request: Request, services: ServicesOf, actor: Reader) -> Response:
    """One node."""
    with services.database.read() as session:
        node = session.get(Node, node_id)
    if node is None:
        return show(request, "missing.html", actor, "map", status=404, node_id=node_id)
    return show(request, "node.html", actor, "map", node_id=node_id, kind=node.kind)


@router.get("/schedules")
def schedules_page(request: Request, actor: Reader) -> Response:
    """Dimming programs, pushing them, overrides."""
    return show(request, "schedules.html", actor, "schedules")


@router.get("/alarms")
def alarms_page(request: Request, actor: Reader) -> Response:
    """The alarm desk."""
    return show(request, "alarms.html", actor, "alarms")


@router.get("/releases")
def releases_page(request: Request, actor: Reader) -> Response:
    """Releases and their rollouts."""
    return show(request, "releases.html", actor, "releases")


def _language_chosen(request: Request, language: str) -> Response:
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    answer = RedirectResponse(request.url.path + ("?" + urlencode(query) if query else ""), 303)
    render.set_language(answer, language)
    return answer


def _to_login(request: Request) -> Response:
    wanted = request.url.path + ("?" + request.url.query if request.url.query else "")
    address = "/login" if wanted == "/" else "/login?" + urlencode({"next": wanted})
    if request.headers.get("hx-request"):
        # htmx follows a redirect inside the fragment; this header moves the whole page.
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return RedirectResponse(address, 303)


def _shown_roles(request: Request, actor: Actor) -> list[str]:
    words = render.words_of(request)
    included = {part for role in actor.roles for part in INCLUDES.get(role, ())}
    return [words.term("role", role) for role in sorted(actor.roles - included)]
