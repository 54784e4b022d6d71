"""What release managers do: upload releases, start rollouts, pause, resume and abort them."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from fleet_server.audit import record
from fleet_server.commands import service as commands
from fleet_server.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.ports import Services
from fleet_server.rollouts import rules, store
from fleet_server.rollouts.models import Release, Rollout, RolloutNode
from fleet_server.rollouts.release import Upload, judge, read_release
from fleet_server.web import Actor
from ota.verify.errors import UpdateError
from protocols import codec
from protocols.fields import KIND_CODES

BY_HAND = "by_hand"
ACTIONS = ("pause", "resume", "abort")


def upload(services: Services, actor: Actor, data: bytes) -> dict[str, Any]:
    """Takes a release file in, after the checks that a node would make.

    A server that allows unverified releases (a demo) takes others too and says so.

    Raises:
        InvalidError: not a release, or one that no node would install; `code` is the node's name
            for it.
    """
    try:
        found = read_release(data)
    except UpdateError as error:
        raise InvalidError(
            f"This is not a release: {error}.", code="not_a_release", field="file"
        ) from error
    kind = str(found.fields["kind"])
    if kind not in KIND_CODES:
        raise InvalidError(
            f"There are no nodes of the kind {kind}.", code="wrong_kind", field="file"
        )
    judgement = judge(found, _trust(services), services.clock.system_now_s())
    if not judgement.verified and not services.settings.allow_unverified_releases:
        raise InvalidError(
            f"The release managers do not vouch for this release: {judgement.reason}"
            f" ({judgement.detail}).",
            code=judgement.reason,
            field="file",
        )
    # Also for one that is known: it puts an altered blob right.
    sha256 = services.blobs.put(found.release.bundle)
    with services.database.write() as session:
        known = select(Release).where(Release.fingerprint == found.fingerprint)
        row = session.exec(known).first()
        if row is None:
            row = _row_of(found, sha256)
            row.uploaded_by = actor.name
            row.uploaded_s = services.clock.now_s()
        row.verified = judgement.verified
        row.reason = judgement.reason
        row.detail = judgement.detail
        session.add(row)
        session.flush()
        after = shown(row)
        target = f"release:{row.id}"
        record(session, services.clock, actor, "release.upload", target=target, after=after)
    return after


def releases(services: Services) -> list[dict[str, Any]]:
    """All releases, newest first."""
    with services.database.read() as session:
        return [
            shown(row) for row in session.exec(select(Release).order_by(col(Release.id).desc()))
        ]


def shown(row: Release) -> dict[str, Any]:
    """A release without its bytes."""
    return row.model_dump(exclude={"manifest", "signatures", "fingerprint"})


def start(services: Services, actor: Actor, release_id: int) -> dict[str, Any]:
    """Plans and starts a rollout to all nodes of the release's kind.

    Raises:
        NotFoundError: no such release.
        ConflictError: another rollout to this kind is under way, or nobody lacks the release.
    """
    with services.database.write() as session:
        release = session.get(Release, release_id)
        if release is None:
            raise NotFoundError(f"There is no release {release_id}.", field="release_id")
        _check_free(session, release.kind)
        plan = rules.make_plan(store.candidates(session, release))
        if not plan.phases:
            raise ConflictError(
                f"Every {release.kind} in service runs {release.version} already.",
                code="nothing_to_do",
            )
        now_s = services.clock.now_s()
        row = Rollout(
            release_id=release_id,
            state=rules.RUNNING,
            plan=store.plan_to_json(plan),
            created_by=actor.name,
            created_s=now_s,
            created_system_s=services.clock.system_now_s(),
        )
        session.add(row)
        session.flush()
        assert row.id is not None
        for index, phase in enumerate(plan.phases):
            for node_id in phase.node_ids:
                session.add(
                    RolloutNode(
                        rollout_id=row.id,
                        node_id=node_id,
                        phase=index,
                        state=rules.PENDING,
                        changed_s=now_s,
                    )
                )
        session.flush()
        after = {"release": shown(release), "plan": row.plan}
        target = f"rollout:{row.id}"
        record(session, services.clock, actor, "rollout.start", target=target, after=after)
        return store.detail(session, row)


def rollouts(services: Services) -> list[dict[str, Any]]:
    """All rollouts, newest first, without their nodes."""
    with services.database.read() as session:
        rows = session.exec(select(Rollout).order_by(col(Rollout.id).desc()).limit(100)).all()
        return store.summaries(session, rows)


def rollout(services: Services, rollout_id: int) -> dict[str, Any]:
    """One rollout with every node.

    Raises:
        NotFoundError: no such rollout.
    """
    with services.database.read() as session:
        return store.detail(session, _row(session, rollout_id))


def act(services: Services, actor: Actor, rollout_id: int, action: str) -> dict[str, Any]:
    """Pauses, resumes or aborts.

    Raises:
        NotFoundError: no such rollout.
        ConflictError: it cannot do that in its state.
    """
    assert action in ACTIONS
    with services.database.write() as session:
        row = _row(session, rollout_id)
        if action not in rules.ROLLOUT_LIFE[row.state]:
            raise ConflictError(f"A rollout that is {row.state} cannot {action}.")
        before = {"state": row.state, "reason": row.reason}
        row.state = rules.rollout_step(row.state, action)
        row.reason = None if action == "resume" else BY_HAND
        if action == "resume":
            _resume(session, services, row)
        elif action == "abort":
            row.ended_s = services.clock.now_s()
            _withdraw(session, services, actor, row)
        session.add(row)
        session.flush()
        after = {"state": row.state, "reason": row.reason}
        target = f"rollout:{rollout_id}"
        record(
            session, services.clock, actor, "rollout." + action,
            target=target, before=before, after=after,
        )  # fmt: skip
        return store.detail(session, row)


def _resume(session: Session, services: Services, row: Rollout) -> None:
    """Lets a canary that failed try again, and goes on from all other failures."""
    rows = store.rows_of(session, row.id)
    progress = store.progress(session, rows.values())
    for node_id in rules.to_retry(progress.values(), row.phase):
        node = rows[node_id]
        node.state = rules.node_step(node.state, "retry")
        node.reason = node.offered_system_s = None
        node.changed_s = services.clock.now_s()
        session.add(node)
    row.accepted_failures = sum(1 for node in rows.values() if node.state in rules.FAILED)


def _withdraw(session: Session, services: Services, actor: Actor, row: Rollout) -> None:
    """Takes the order back from nodes that have not begun to boot it, and from refused ones."""
    rows = store.rows_of(session, row.id)
    nodes = [
        node
        for node in rows.values()
        if rules.takes(node.state, "withdraw") or node.state in rules.FAILED
    ]
    if not nodes:
        return
    release = session.get_one(Release, row.release_id)
    command = commands.change(
        session,
        services.clock,
        actor,
        node_ids=[node.node_id for node in nodes],
        patch=lambda document: {**document, "update": None},
        kind="update_withdraw",
        title=f"{release.kind} {release.version}",
        detail={"rollout_id": row.id},
    )
    for node in nodes:
        if rules.takes(node.state, "withdraw"):
            node.state = rules.node_step(node.state, "withdraw")
            node.command_id = command.id
            node.changed_s = services.clock.now_s()
            session.add(node)


def _check_free(session: Session, kind: str) -> None:
    query = (
        select(Rollout)
        .join(Release, col(Release.id) == col(Rollout.release_id))
        .where(Release.kind == kind, col(Rollout.state).in_(rules.LIVE_STATES))
    )
    other = session.exec(query).first()
    if other is not None:
        raise ConflictError(
            f"Rollout {other.id} to this kind is {other.state}: let it end, or abort it.",
            code="rollout_under_way",
        )


def _row_of(upload: Upload, sha256: str) -> Release:
    fields = upload.fields
    return Release(
        kind=str(fields["kind"]),
        version=str(fields["version"]),
        counter=int(fields["counter"]),
        fingerprint=upload.fingerprint,
        sha256=sha256,
        length=len(upload.release.bundle),
        manifest=upload.release.manifest,
        signatures=codec.encode(upload.wire_signatures),
        key_ids=[name for name, _ in upload.release.signatures],
        verified=False,
        expires_s=int(fields["expires_s"]),
        uploaded_by="",
        uploaded_s=0,
    )


def _trust(services: Services) -> bytes:
    """The release managers' public keys as they stand now: they may be rotated while we run."""
    try:
        return services.settings.trust_path.read_bytes()
    except OSError:
        return b""


def _row(session: Session, rollout_id: int) -> Rollout:
    row = session.get(Rollout, rollout_id)
    if row is None:
        raise NotFoundError(f"There is no rollout {rollout_id}.")
    return row
