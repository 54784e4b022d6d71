"""Enrolment tokens and enrolment under /api/v1/provisioning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from fleet_server.provisioning import life, service
from fleet_server.provisioning.ca import CSR_CHARS, Authority
from fleet_server.provisioning.models import EnrolmentToken
from fleet_server.web import ServicesOf, Technician, Viewer, client_address

router = APIRouter(prefix="/api/v1", tags=["provisioning"])

_Name = Annotated[str, Field(max_length=100)]


class NewToken(BaseModel):
    """Body of POST /provisioning/tokens."""

    kind: _Name
    count: int = 1
    minutes: int = 60


class Enrolment(BaseModel):
    """Body of POST /provisioning/enrol, alone or in a list."""

    token: _Name
    node_id: _Name
    kind: _Name
    csr_pem: Annotated[str, Field(max_length=CSR_CHARS)]


class LifeEvent(BaseModel):
    """Body of POST /nodes/{id}/life: `retire` or `replace`, and why."""

    event: _Name
    reason: Annotated[str, Field(max_length=1000)] = ""


class Revocation(BaseModel):
    """Body of POST /nodes/{id}/revoke."""

    reason: Annotated[str, Field(max_length=1000)]


@dataclass(frozen=True, slots=True)
class Issuer:
    """What the enrolment needs beside the services: `main` puts it into the app's state."""

    authority: Authority
    root_pem: str


@router.post("/provisioning/tokens", status_code=201)
def create_token(body: NewToken, services: ServicesOf, actor: Technician) -> dict[str, Any]:
    """Gives leave to enrol nodes of one kind; the token is shown this once."""
    token, entry = service.create_token(
        services.database,
        services.clock,
        actor,
        kind=body.kind,
        count=body.count,
        minutes=body.minutes,
    )
    return {"token": token} | _shown(entry)


@router.get("/provisioning/tokens")
def tokens(services: ServicesOf, _: Technician) -> dict[str, Any]:
    """The newest tokens and how much is left of each; never the tokens themselves."""
    return {"tokens": [_shown(entry) for entry in service.list_tokens(services.database)]}


@router.post("/provisioning/enrol")
def enrol(
    body: Enrolment | Annotated[list[Enrolment], Field(max_length=service.ENROL_NODES)],
    request: Request,
    services: ServicesOf,
) -> Any:
    """Certificates for one node, or for a list (then all or none). The token is the right."""
    issuer = request.app.state.issuer
    assert isinstance(issuer, Issuer)
    wanted = body if isinstance(body, list) else [body]
    issued = service.enrol(
        services.database,
        services.clock,
        issuer.authority,
        [service.Request(**item.model_dump()) for item in wanted],
        days=services.settings.node_certificate_days,
        address=client_address(request),
    )
    services.hub.nodes_changed(item.node_id for item in issued)
    host = services.settings.advertised_host
    places = {
        "broker": {"host": host, "port": services.settings.broker_port},
        "download": {"host": host, "port": services.settings.node_port},
    }
    answers = [
        {
            "node_id": item.node_id,
            "certificate_pem": item.certificate_pem,
            "chain_pem": item.chain_pem,
            "ca_pem": issuer.root_pem,
            "first_boot": item.first_boot,
            **places,
        }
        for item in issued
    ]
    return answers if isinstance(body, list) else answers[0]


@router.get("/nodes/{node_id}/certificates")
def certificates(node_id: str, services: ServicesOf, _: Viewer) -> dict[str, Any]:
    """A node's certificates, newest first."""
    return {"certificates": service.certificates_of(services.database, node_id)}


@router.post("/nodes/{node_id}/revoke")
def revoke(
    node_id: str, body: Revocation, services: ServicesOf, actor: Technician
) -> dict[str, Any]:
    """Revokes a node's certificates and puts it out at once."""
    return life.revoke(services, actor, node_id, body.reason)


@router.post("/nodes/{node_id}/life")
def change_life(
    node_id: str, body: LifeEvent, services: ServicesOf, actor: Technician
) -> dict[str, Any]:
    """Retires a node, or makes its place ready for a replacement; its board is out at once."""
    return life.change(services, actor, node_id, body.event, body.reason)


def _shown(entry: EnrolmentToken) -> dict[str, Any]:
    return entry.model_dump(exclude={"token_sha256"})
