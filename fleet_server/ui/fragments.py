"""Pages whose tables and forms are HTML fragments by htmx: audit, refused messages, enrolment.

They call the same functions as the HTTP API, so that both show and refuse the same.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from sqlmodel import col, func, select

from fleet_server.audit import api as audit_api
from fleet_server.errors import FleetError
from fleet_server.ports import Services
from fleet_server.provisioning import api as provisioning_api
from fleet_server.registry.models import Node
from fleet_server.registry.rules import NODE_STATES
from fleet_server.telemetry import api as telemetry_api
from fleet_server.ui.pages import AdministratorReader, Reader, TechnicianReader, show
from fleet_server.ui.render import render, words_of
from fleet_server.web import Actor, ServicesOf, Technician
from protocols.fields import KIND_CODES

router = APIRouter(include_in_schema=False)
AUDIT_ROWS = 50
_EMPTY_FORM = {"token": "", "error": "", "kind": "streetlight", "count": 1, "minutes": 60}


@router.get("/audit")
def audit_page(
    request: Request,
    services: ServicesOf,
    actor: AdministratorReader,
    filter_actor: Annotated[str, Query(alias="actor", max_length=100)] = "",
    action: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The audit, newest first."""
    values = _audit(services, actor, filter_actor, action, None)
    return show(request, "audit.html", actor, "audit", **values)


@router.get("/audit/list")
def audit_list(
    request: Request,
    services: ServicesOf,
    actor: AdministratorReader,
    filter_actor: Annotated[str, Query(alias="actor", max_length=100)] = "",
    action: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The table for a filter."""
    values = _audit(services, actor, filter_actor, action, None)
    return render(request, "audit_list.html", actor, **values)


@router.get("/audit/rows")
def audit_rows(
    request: Request,
    services: ServicesOf,
    actor: AdministratorReader,
    before_id: Annotated[int, Query(ge=1)],
    filter_actor: Annotated[str, Query(alias="actor", max_length=100)] = "",
    action: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The rows that follow."""
    values = _audit(services, actor, filter_actor, action, before_id)
    return render(request, "audit_rows.html", actor, **values)


def _audit(
    services: Services, reader: Actor, actor: str, action: str, before_id: int | None
) -> dict[str, Any]:
    answer = audit_api.entries(
        services, reader, actor=actor, action=action, before_id=before_id, limit=AUDIT_ROWS
    )
    entries = [entry | {"change": _change(entry)} for entry in answer["entries"]]
    return {
        "entries": entries,
        "next_before_id": answer["next_before_id"],
        "filter": {"actor": actor, "action": action},
    }


def _change(entry: dict[str, Any]) -> str:
    sides = [entry["before"], entry["after"]]
    if sides == [None, None]:
        return ""
    return " → ".join(
        "–" if side is None else json.dumps(side, ensure_ascii=False) for side in sides
    )


@router.get("/messages")
def messages_page(request: Request, services: ServicesOf, actor: Reader) -> Response:
    """What was refused, by reason and by sample."""
    values = telemetry_api.refusals(services, actor)
    return show(request, "messages.html", actor, "messages", **values)


@router.get("/messages/list")
def messages_list(request: Request, services: ServicesOf, actor: Reader) -> Response:
    """The same, for the live refresh."""
    return render(request, "messages_list.html", actor, **telemetry_api.refusals(services, actor))


@router.get("/provisioning")
def provisioning_page(request: Request, services: ServicesOf, actor: TechnicianReader) -> Response:
    """Nodes by state, and enrolment tokens."""
    values = _nodes_by_state(services) | _form()
    return show(request, "provisioning.html", actor, "provisioning", **values)


@router.get("/provisioning/form")
def token_form(request: Request, actor: TechnicianReader) -> Response:
    """The form for the next token."""
    return render(request, "provisioning_form.html", actor, **_form())


@router.post("/provisioning/tokens")
def create_token(
    request: Request,
    services: ServicesOf,
    actor: Technician,
    kind: Annotated[str, Form(max_length=100)],
    count: Annotated[str, Form(max_length=10)],
    minutes: Annotated[str, Form(max_length=10)],
) -> Response:
    """Makes a token and shows it this once, or shows what is wrong with the form."""
    given: dict[str, Any] = {"kind": kind, "count": count, "minutes": minutes}
    if not (count.isdecimal() and minutes.isdecimal()):
        text = words_of(request).sentence("Number and minutes must be whole numbers.")
        return render(request, "provisioning_form.html", actor, **_form(**given, error=text))
    given |= {"count": int(count), "minutes": int(minutes)}
    try:
        made = provisioning_api.create_token(provisioning_api.NewToken(**given), services, actor)
    except FleetError as error:
        values = _form(**given, error=words_of(request).message(error.message))
        return render(request, "provisioning_form.html", actor, **values)
    values = _form(**given, token=made["token"])
    return render(request, "provisioning_form.html", actor, **values)


def _form(**values: Any) -> dict[str, Any]:
    return _EMPTY_FORM | {"kinds": list(KIND_CODES)} | values


def _nodes_by_state(services: Services) -> dict[str, Any]:
    states = list(NODE_STATES)
    rows = {kind: dict.fromkeys(states, 0) for kind in KIND_CODES}
    query = select(Node.kind, Node.state, func.count()).group_by(col(Node.kind), col(Node.state))
    with services.database.read() as session:
        for kind, state, number in session.exec(query):
            rows[kind][state] = number
    totals = {kind: sum(counts.values()) for kind, counts in rows.items()}
    shown = [{"kind": kind, "counts": rows[kind], "total": totals[kind]} for kind in rows]
    return {"states": states, "rows": shown, "total": sum(totals.values())}
