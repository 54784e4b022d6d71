"""/healthz (the process answers) and /readyz (all that it needs is there), for anybody.

Also the city's clock and the description of the API, for who is logged in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from fleet_server.ports import Database
from fleet_server.web import ServicesOf, Viewer

# Name of a part -> whether it is as it should be; called in a worker thread.
Checks = Mapping[str, Callable[[], bool]]

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, bool]:
    """The event loop turns."""
    return {"ok": True}


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """Each part by name; 503 while one is not ready."""
    checks: Checks = request.app.state.checks
    parts = {name: check() for name, check in checks.items()}
    ready = all(parts.values())
    return JSONResponse({"ready": ready, "parts": parts}, status_code=200 if ready else 503)


@router.get("/api/v1/clock")
def clock(services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """City time, machine time and the speed of the one against the other."""
    return {
        "now_s": services.clock.now_s(),
        "system_now_s": services.clock.system_now_s(),
        "speed": services.clock.speed,
    }


@router.get("/api/v1/openapi.json")
def openapi(request: Request, _: Viewer) -> JSONResponse:
    """This interface, described for machines."""
    return JSONResponse(request.app.openapi())


def database_answers(database: Database) -> bool:
    """Whether the store can be read."""
    from sqlalchemy import text

    try:
        with database.read() as session:
            session.connection().execute(text("SELECT 1"))
    except Exception:
        # Whatever the driver raises, the answer is the same: not ready.
        return False
    return True
