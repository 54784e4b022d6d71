"""The end of a board's right to speak for a node: revoked, replaced, retired.

    revoke(services, actor, "pk-sl-001", "stolen from its pole")

What is decided is in the store first and with the gate after the commit; a server that dies in
between does the second at its next start (`shut_out`). The node's place, groups, schedules and
history are the node's, not the board's: a replacement enrols under the same id and goes on.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from fleet_server.audit import record
from fleet_server.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.ports import Database, Gate, Services
from fleet_server.provisioning.models import Certificate
from fleet_server.registry.models import Node
from fleet_server.registry.rules import TECHNICIAN_EVENTS, check_text, next_state
from fleet_server.web import Actor


def revoke(services: Services, actor: Actor, node_id: str, reason: str) -> dict[str, Any]:
    """Revokes a node's certificates and disconnects it; it stays in the registry.

    Returns:
        what was done: `revoked`, how many certificates; `disconnected`, whether the broker let go
        of it; without a broker nobody is connected.

    Raises:
        NotFoundError: no such node.
        ConflictError: it has no certificate that is good.
        InvalidError: no reason.
    """
    check_text(reason, "reason")
    node = Certificate.node_id == node_id
    with services.database.read() as session:
        if session.get(Node, node_id) is None:
            raise NotFoundError(f"There is no node {node_id!r}.")
        query = select(Certificate.serial).where(node, col(Certificate.revoked_s).is_(None))
        if session.exec(query).first() is None:
            raise ConflictError(f"{node_id} has no certificate that could be revoked.")
    return _end(services, actor, node_id, "node.revoke", reason, None)


def change(
    services: Services, actor: Actor, node_id: str, event: str, reason: str
) -> dict[str, Any]:
    """Retires a node, or makes its place ready for a replacement; its board is out at once.

    Raises:
        NotFoundError: no such node.
        InvalidError: not something that a technician does.
        ConflictError: it cannot happen in the node's state.
    """
    if event not in TECHNICIAN_EVENTS:
        known = ", ".join(sorted(TECHNICIAN_EVENTS))
        raise InvalidError(f"{event!r} is none of {known}.", field="event")
    if reason:
        check_text(reason, "reason")
    return _end(services, actor, node_id, "node." + event, reason, event)


def shut_out(database: Database, gate: Gate) -> None:
    """Tells the gate all that is revoked; at each start, and after each revocation."""
    with database.read() as session:
        query = select(Certificate.serial, Certificate.revoked_s).where(
            col(Certificate.revoked_s).is_not(None)
        )
        revoked = {serial: at_s or 0 for serial, at_s in session.exec(query)}
    gate.refuse(revoked)


def _end(
    services: Services, actor: Actor, node_id: str, action: str, reason: str, event: str | None
) -> dict[str, Any]:
    now_s = services.clock.system_now_s()
    with services.database.write() as session:
        node = session.get(Node, node_id)
        if node is None:
            raise NotFoundError(f"There is no node {node_id!r}.")
        before = {"state": node.state, "certificate_serial": node.certificate_serial}
        if event is not None:
            node.state = next_state(node.state, event)
        node.certificate_serial = None
        session.add(node)
        count = _revoke_all(session, node_id, now_s)
        after: dict[str, Any] = {"state": node.state, "reason": reason, "revoked": count}
        record(
            session,
            services.clock,
            actor,
            action,
            target="node:" + node_id,
            before=before,
            after=after,
        )
    disconnected = False
    if count:
        shut_out(services.database, services.gate)
        disconnected = services.gate.disconnect(node_id)
    services.hub.nodes_changed([node_id])
    done = {"id": node_id, "state": after["state"], "revoked": count}
    return done | {"disconnected": disconnected}


def _revoke_all(session: Session, node_id: str, now_s: int) -> int:
    query = select(Certificate).where(
        Certificate.node_id == node_id, col(Certificate.revoked_s).is_(None)
    )
    found = list(session.exec(query))
    for certificate in found:
        certificate.revoked_s = now_s
        session.add(certificate)
    return len(found)
