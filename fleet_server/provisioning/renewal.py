"""Renewal: a new certificate for a node whose own is about to end. Machine time throughout.

Who asks is known from the topic, which the broker ties to the certificate that still works;
that the new key is the asker's is known from the request's own signature. A node gets one new
certificate a day at most; asked again with the same key it gets the same one, so that an
answer that was lost costs nothing.

A certificate counts as the node's own once the node has said that it worked: until then the screens
show when the old one ends.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import JSON, column, table
from sqlmodel import Session, col, select

from fleet_server.audit import record
from fleet_server.errors import InvalidError
from fleet_server.ports import Clock, Database
from fleet_server.provisioning.ca import DAY_S, Authority, Use, check_request_der, issue
from fleet_server.provisioning.models import Certificate
from fleet_server.registry.models import Node
from fleet_server.web import Actor
from protocols.messages import CERTIFICATE_RENEWED

BAD_REQUEST = "bad_request"
NOT_ENROLLED = "not_enrolled"
TOO_SOON = "too_soon"
_ENROLLED = ("provisioned", "commissioned")

# What telemetry stores of nodes' words; read only.
_event = table("event", column("node_id"), column("code"), column("detail", JSON))


@dataclass(frozen=True, slots=True)
class Answer:
    """A certificate as DER, or the reason why there is none."""

    certificate: bytes | None
    reason: str | None = None


def renew(
    database: Database,
    clock: Clock,
    authority: Authority,
    node_id: str,
    request: bytes,
    *,
    days: int,
    audit_refusal: bool,
) -> Answer:
    """Answers a node's certificate request.

    Args:
        database: where nodes and certificates stand.
        clock: its machine time dates the certificate.
        authority: the issuing CA.
        node_id: whose topic the request came on.
        request: PKCS#10 as DER, from whoever holds that node's key.
        days: how long the certificate is good.
        audit_refusal: whether a refusal is worth an entry; a node may ask a thousand times.
    """
    now_s = clock.system_now_s()
    actor = Actor(f"node:{node_id}")
    target = "node:" + node_id
    with database.write() as session:
        node = session.get(Node, node_id)
        answer = _judge(session, node, node_id, request, now_s)
        if isinstance(answer, Answer):
            if answer.reason is not None and audit_refusal:
                after = {"reason": answer.reason}
                record(session, clock, actor, "node.renew_refused", target=target, after=after)
            return answer
        certificate = issue(authority, answer, node_id, Use.CLIENT, now_s, days)
        entry = _entry(certificate, node_id, now_s)
        session.add(entry)
        after = {"serial": entry.serial, "not_after_s": entry.not_after_s}
        record(session, clock, actor, "node.renew", target=target, after=after)
        return Answer(certificate.public_bytes(Encoding.DER))


def confirm(database: Database, node_ids: Collection[str] | None = None) -> list[str]:
    """Takes certificates that nodes have said to use for their own.

    Args:
        database: where the nodes' words stand.
        node_ids: whose; None for all, at a start.

    Returns:
        the nodes of which that is news.
    """
    changed: list[str] = []
    with database.write() as session:
        query = (
            select(Certificate, Node)
            .join(Node, col(Node.id) == col(Certificate.node_id))
            .where(
                col(Certificate.token_id).is_(None),
                col(Certificate.revoked_s).is_(None),
                col(Certificate.serial).is_distinct_from(col(Node.certificate_serial)),
            )
            .order_by(col(Certificate.issued_s))
        )
        if node_ids is not None:
            query = query.where(col(Certificate.node_id).in_(node_ids))
        for certificate, node in session.exec(query).all():
            current = session.get(Certificate, node.certificate_serial or "")
            is_newer = current is None or current.issued_s < certificate.issued_s
            if is_newer and certificate.not_after_s in _said(session, node.id):
                node.certificate_serial = certificate.serial
                session.add(node)
                changed.append(node.id)
    return changed


def _judge(
    session: Session, node: Node | None, node_id: str, request: bytes, now_s: int
) -> Answer | ec.EllipticCurvePublicKey:
    """The key that shall be certified, or the answer that needs no new certificate."""
    if node is None or node.state not in _ENROLLED:
        return Answer(None, NOT_ENROLLED)
    try:
        key = check_request_der(request, node_id)
    except InvalidError:
        return Answer(None, BAD_REQUEST)
    query = (
        select(Certificate)
        .where(Certificate.node_id == node_id)
        .order_by(col(Certificate.issued_s).desc())
    )
    newest = session.exec(query).first()
    if newest is None:
        return key
    if newest.revoked_s is not None:
        # A word that was on its way when its sender was put out.
        return Answer(None, NOT_ENROLLED)
    if newest.issued_s <= now_s - DAY_S:
        return key
    certificate = x509.load_pem_x509_certificate(newest.pem.encode())
    if certificate.public_key() == key:
        return Answer(certificate.public_bytes(Encoding.DER))
    return Answer(None, TOO_SOON)


def _entry(certificate: x509.Certificate, node_id: str, now_s: int) -> Certificate:
    return Certificate(
        serial=f"{certificate.serial_number:040x}",
        node_id=node_id,
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        issued_s=now_s,
        not_before_s=int(certificate.not_valid_before_utc.timestamp()),
        not_after_s=int(certificate.not_valid_after_utc.timestamp()),
    )


def _said(session: Session, node_id: str) -> set[object]:
    """The ends of the certificates that a node has said to use."""
    query = select(_event.c.detail).where(  # type: ignore[call-overload]
        _event.c.node_id == node_id, _event.c.code == CERTIFICATE_RENEWED
    )
    details = session.exec(query).all()
    return {detail.get("not_after_s") for detail in details}
