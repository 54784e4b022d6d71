"""Enrolment: tokens for technicians, certificates for nodes. Machine time throughout.

A token is shown once and kept as a hash. An enrolment of several nodes is one
transaction: all get their certificate, or none does and the token is unspent.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import column, func, table
from sqlmodel import Session, select

from fleet_server.audit import record
from fleet_server.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.ports import Clock, Database
from fleet_server.provisioning.ca import Authority, Use, check_request, issue
from fleet_server.provisioning.models import Certificate, EnrolmentToken
from fleet_server.registry.models import Node
from fleet_server.registry.rules import check_kind, next_state
from fleet_server.web import Actor

TOKEN_COUNT = 1000
# A technician's week in the field.
TOKEN_MINUTES = 7 * 24 * 60
ENROL_NODES = 500
BAD_TOKEN = "The enrolment token is unknown, used up, expired or for another kind of node."


@dataclass(frozen=True, slots=True)
class Request:
    """A node's wish for a certificate."""

    token: str
    node_id: str
    kind: str
    csr_pem: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was made, and the number with which its board counts its boots on."""

    node_id: str
    certificate_pem: str
    chain_pem: str
    first_boot: int


def create_token(
    database: Database, clock: Clock, actor: Actor, *, kind: str, count: int, minutes: int
) -> tuple[str, EnrolmentToken]:
    """Gives leave to enrol `count` nodes of a kind within `minutes`.

    Returns:
        the token, shown this once, and what is kept of it.

    Raises:
        InvalidError: no such kind, or a number out of range.
    """
    check_kind(kind, "kind")
    if not 1 <= count <= TOKEN_COUNT:
        raise InvalidError(f"count: must be 1 to {TOKEN_COUNT}.", field="count")
    if not 1 <= minutes <= TOKEN_MINUTES:
        raise InvalidError(f"minutes: must be 1 to {TOKEN_MINUTES} (a week).", field="minutes")
    token = "cfe_" + secrets.token_urlsafe(24)
    now_s = clock.system_now_s()
    with database.write() as session:
        entry = EnrolmentToken(
            token_sha256=_hash(token),
            kind=kind,
            count=count,
            created_by=actor.name,
            created_s=now_s,
            expires_s=now_s + minutes * 60,
        )
        session.add(entry)
        session.flush()
        after = {"kind": kind, "count": count, "minutes": minutes}
        target = f"enrolment_token:{entry.id}"
        record(session, clock, actor, "enrolment_token.create", target=target, after=after)
    return token, entry


def list_tokens(database: Database, limit: int = 100) -> list[EnrolmentToken]:
    """The newest tokens, good or over."""
    with database.read() as session:
        query = select(EnrolmentToken).order_by(EnrolmentToken.id.desc()).limit(limit)  # type: ignore[union-attr]
        return list(session.exec(query))


def enrol(
    database: Database,
    clock: Clock,
    authority: Authority,
    requests: list[Request],
    *,
    days: int,
    address: str,
) -> list[Issued]:
    """Issues a certificate to each node, in the order of the requests, or to none.

    Args:
        database: where nodes, tokens and certificates stand.
        clock: its machine time dates the certificates.
        authority: the issuing CA.
        requests: at most ENROL_NODES, each node once.
        days: how long the certificates are good.
        address: the technician's machine, for the audit.

    Raises:
        InvalidError: a bad token (all its faults look the same) or request.
        NotFoundError: a node that is not registered.
        ConflictError: a node whose state or kind does not allow it.
    """
    if not 1 <= len(requests) <= ENROL_NODES:
        raise InvalidError(f"Enrol 1 to {ENROL_NODES} nodes at once.")
    if len({request.node_id for request in requests}) != len(requests):
        raise InvalidError("A node stands twice in the request.", field="node_id")
    issued: list[Issued] = []
    with database.write() as session:
        for request in requests:
            token = _spend(session, request, clock.system_now_s())
            issued.append(_enrol_one(session, clock, authority, request, token, days, address))
    return issued


def certificates_of(database: Database, node_id: str) -> list[dict[str, Any]]:
    """A node's certificates, newest first, without the PEM."""
    with database.read() as session:
        query = (
            select(Certificate)
            .where(Certificate.node_id == node_id)
            .order_by(Certificate.issued_s.desc(), Certificate.serial)  # type: ignore[attr-defined]
        )
        return [entry.model_dump(exclude={"pem"}) for entry in session.exec(query)]


def _spend(session: Session, request: Request, now_s: int) -> EnrolmentToken:
    # Looked up by a hash of 192 random bits: how long that takes tells nothing about the token.
    query = select(EnrolmentToken).where(EnrolmentToken.token_sha256 == _hash(request.token))
    token = session.exec(query).first()
    if token is None or not secrets.compare_digest(token.token_sha256, _hash(request.token)):
        raise InvalidError(BAD_TOKEN, code="bad_token", field="token")
    if token.expires_s <= now_s or token.used >= token.count or token.kind != request.kind:
        raise InvalidError(BAD_TOKEN, code="bad_token", field="token")
    token.used += 1
    session.add(token)
    return token


def _enrol_one(
    session: Session,
    clock: Clock,
    authority: Authority,
    request: Request,
    token: EnrolmentToken,
    days: int,
    address: str,
) -> Issued:
    node = session.get(Node, request.node_id)
    if node is None:
        raise NotFoundError(f"There is no node {request.node_id!r}; import it first.")
    if node.kind != request.kind:
        raise ConflictError(f"{node.id} is a {node.kind}, not a {request.kind}.", field="kind")
    before = {"state": node.state}
    node.state = next_state(node.state, "enrol")
    public_key = check_request(request.csr_pem, node.id)
    now_s = clock.system_now_s()
    certificate = issue(authority, public_key, node.id, Use.CLIENT, now_s, days)
    pem = certificate.public_bytes(Encoding.PEM).decode()
    serial = f"{certificate.serial_number:040x}"
    node.certificate_serial = serial
    session.add(node)
    session.add(
        Certificate(
            serial=serial,
            node_id=node.id,
            token_id=token.id,
            pem=pem,
            issued_s=now_s,
            not_before_s=int(certificate.not_valid_before_utc.timestamp()),
            not_after_s=int(certificate.not_valid_after_utc.timestamp()),
        )
    )
    record(
        session,
        clock,
        Actor(f"token:{token.id} of {token.created_by}", address=address),
        "node.enrol",
        target="node:" + node.id,
        before=before,
        after={"state": node.state, "certificate_serial": serial},
    )
    chain = authority.certificate.public_bytes(Encoding.PEM).decode()
    return Issued(node.id, pem, chain, _first_boot(session, node.id))


def _first_boot(session: Session, node_id: str) -> int:
    """Above every boot that earlier boards of this node have told of.

    (node, boot, seq) names a report for ever: a new board that began at 1 again would repeat
    names, and all that it says would be taken for what is known already.
    """
    last = 0
    for name in ("report", "event"):
        told = table(name, column("node_id"), column("boot"))
        query = select(func.max(told.c.boot)).where(told.c.node_id == node_id)  # type: ignore[call-overload]
        last = max(last, session.exec(query).one() or 0)
    return last + 1


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
