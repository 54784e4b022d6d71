"""What surrounds every answer: security headers, a limit on bodies, errors as JSON.

Plain ASGI middleware, so that event streams pass through unbuffered.
"""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import OperationalError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fleet_server.errors import (
    FleetError,
    NotLoggedInError,
    TooLargeError,
    TooManyError,
    UnavailableError,
)

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(self)",
}
BODY_BYTES = 1 << 20
# An inventory of 10,000 nodes is about 3 MB of JSON; a release at most 512 KiB and its frame.
BODY_BYTES_OF = {"/api/v1/registry/import": 16 << 20, "/api/v1/provisioning/enrol": 4 << 20}
_STATUS_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_log = logging.getLogger("cityfleet.http")


class Shield:
    """Adds the headers and stops bodies that are too large, with or without a length given."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = BODY_BYTES_OF.get(scope["path"], BODY_BYTES)
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise HTTPException(413, "The request is too large.")
            return message

        async def decorated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            error = TooLargeError("The request is too large.")
            await _answer(error)(scope, receive, decorated)
            return
        await self._app(scope, limited, decorated)


def install(app: FastAPI) -> None:
    """Adds the middleware and the error answers to `app`."""
    app.add_middleware(Shield)
    app.add_exception_handler(FleetError, _on_fleet_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(OperationalError, _on_store_away)
    app.add_exception_handler(Exception, _on_bug)


def _answer(error: FleetError) -> JSONResponse:
    response = JSONResponse(error.body(), status_code=error.status)
    if isinstance(error, TooManyError):
        response.headers["retry-after"] = str(error.retry_after_s)
    if isinstance(error, NotLoggedInError):
        response.headers["www-authenticate"] = "Bearer"
    return response


async def _on_fleet_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FleetError)
    page = request.method == "GET" and not request.url.path.startswith("/api/")
    if page and isinstance(error, NotLoggedInError):
        return RedirectResponse("/login", status_code=303)
    if error.status >= 500:
        _log.error("%s %s: %s", request.method, request.url.path, error.message)
    return _answer(error)


async def _on_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = dict(error.errors()[0])
    place = [str(part) for part in first.get("loc", ()) if part not in ("body", "query", "path")]
    body = {"code": "invalid", "message": str(first.get("msg", "invalid"))}
    if place:
        body["field"] = ".".join(place)
    return JSONResponse({"error": body}, status_code=422)


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _STATUS_CODES.get(error.status_code, "refused")
    body = {"error": {"code": code, "message": str(error.detail)}}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _on_store_away(request: Request, error: Exception) -> Response:
    _log.error("%s %s: %s", request.method, request.url.path, error)
    return _answer(UnavailableError("The database is away; try again.", code="database_away"))


async def _on_bug(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    body = {
        "error": {"code": "internal", "message": "The server made a mistake; it is in its log."}
    }
    return JSONResponse(body, status_code=500)
