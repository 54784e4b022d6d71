"""Joins the screens to the application."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.responses import Response as PlainResponse

from fleet_server.errors import NotFoundError
from fleet_server.ui import assets, fragments, i18n, login, pages, station_rules


def install(app: FastAPI) -> None:
    """Adds every route of the screens to `app`."""
    app.add_exception_handler(pages.PageStop, _on_page_stop)
    for router in (
        assets.router,
        login.router,
        pages.router,
        fragments.router,
        station_rules.router,
    ):
        app.include_router(router)
    app.add_api_route("/i18n/{language}.json", catalogue, methods=["GET"], include_in_schema=False)


def catalogue(language: str, v: str = "") -> Response:
    """The words of a language for the scripts."""
    words = i18n.load().get(language)
    if words is None:
        raise NotFoundError("There is no such language.")
    keep = "public, max-age=31536000, immutable" if v == words.version else "public, no-cache"
    headers = {"Cache-Control": keep, "ETag": f'"{words.version}"'}
    return PlainResponse(words.script, media_type="application/json", headers=headers)


async def _on_page_stop(_: Request, error: Exception) -> Response:
    assert isinstance(error, pages.PageStop)
    return error.answer
