"""A template with everything that every page needs: language, theme, rights, addresses.

return render(request, "map.html", actor, page="map")
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fleet_server.ui import assets, formats, i18n
from fleet_server.web import Actor, csrf_token, session_token

THEMES = ("auto", "dark", "light")
THEME_COOKIE = "cf_theme"
_TEMPLATES = Path(__file__).parent / "templates"


def render(
    request: Request,
    template: str,
    actor: Actor | None,
    *,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """Renders for whoever asks.

    Args:
        request: its cookies choose language and theme.
        template: a file name in templates/.
        actor: who is logged in, or None on the login page.
        status: of the answer.
        values: what the template itself needs.
    """
    words = words_of(request)
    files = assets.load()
    text = (
        environment()
        .get_template(template)
        .render(
            _=words.sentence,
            ngettext=words.count,
            term=words.term,
            has_term=words.has_term,
            words=words,
            lang=words.language,
            languages=i18n.LANGUAGES,
            language_link=partial(_language_link, request),
            theme=_theme(request),
            static=files.static_base,
            assets=files.asset_base,
            actor=actor,
            may=partial(_may, actor),
            csrf=_csrf(request, actor),
            number=partial(formats.number, language=words.language),
            **values,
        )
    )
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})


def words_of(request: Request) -> i18n.Words:
    """The reader's language."""
    return i18n.load()[i18n.chosen(request.cookies.get(i18n.COOKIE))]


def set_language(response: Response, code: str) -> None:
    """Keeps the reader's choice for a year."""
    response.set_cookie(i18n.COOKIE, code, max_age=365 * 24 * 3600, path="/", samesite="lax")


@cache
def environment() -> Environment:
    """The one template environment of the process; an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["moment"] = formats.moment
    return made


def _may(actor: Actor | None, role: str) -> bool:
    return actor is not None and role in actor.roles


def _theme(request: Request) -> str:
    chosen = request.cookies.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


def _csrf(request: Request, actor: Actor | None) -> str:
    token, _ = session_token(request)
    return csrf_token(token) if actor is not None else ""


def _language_link(request: Request, code: str) -> str:
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    return request.url.path + "?" + urlencode([*query, ("lang", code)])
