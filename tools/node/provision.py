"""Writes a node's folder: who it is, where it connects, whom it believes.

    plan = Plan("pk-sl-001", "streetlight", folder, 13_980_500, 108_001_800)
    prepare([plan], client, token, trust)

Rules: an identity is never overwritten unless asked; a folder appears with its whole identity or
without any; the private key is 0600 in a folder that is 0700.
"""

import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from ota.verify.errors import UpdateError
from ota.verify.trust import decode_trust
from protocols.fields import KIND_CODES
from tools.client.http import FleetClient
from tools.errors import FileError, UsageError
from tools.files import SECRET_FILE, SECRET_FOLDER, write_atomic, write_json
from tools.node.identity import Enrolment, Request, check_belongs, enrol, key_der, new_key
from tools.node.identity import request_pem as make_request

IDENTITY = "identity"
# Vietnam has one time zone and no daylight saving time.
UTC_OFFSET_MIN = 420
DEFAULT_REPORT_S = 900
MICRODEGREES = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A node to prepare.

    Attributes:
        node: its id.
        kind: a name of protocols.fields.KIND_CODES.
        folder: where its file system is written.
        latitude_udeg: millionths of a degree, WGS 84.
        longitude_udeg: the same.
        report_s: seconds between two reports.
        utc_offset_min: minutes that its civil time is ahead of UTC.
        spread_s: within how many seconds after a return of the mains it reports; None leaves
            that to its firmware.
        self_test_s: how long after that return its lamp is tested; the same.
        sleep_s: seconds between two looks of a node that sleeps, 0 to stay awake; the same.
    """

    node: str
    kind: str
    folder: Path
    latitude_udeg: int
    longitude_udeg: int
    report_s: int = DEFAULT_REPORT_S
    utc_offset_min: int = UTC_OFFSET_MIN
    spread_s: int | None = None
    self_test_s: int | None = None
    sleep_s: int | None = None


def prepare(
    plans: Sequence[Plan],
    client: FleetClient,
    token: str,
    trust: bytes,
    *,
    replace: bool = False,
) -> None:
    """Makes keys, enrols them in one request and writes every folder.

    Args:
        plans: the nodes.
        client: a connection to the fleet server; it needs no login, the token is enough.
        token: an enrolment token for these kinds.
        trust: the content of trust.json.
        replace: put a new identity in the place of an old one.

    Raises:
        UsageError: a plan cannot be.
        FileError: an identity is there already, or a folder cannot be written.
        RefusedError: the token or a request is not good; nothing was written.
    """
    check_trust(trust)
    for plan in plans:
        _check(plan, replace=replace)
    keys = [new_key() for _ in plans]
    requests = [
        Request(plan.node, plan.kind, make_request(key, plan.node))
        for plan, key in zip(plans, keys, strict=True)
    ]
    enrolments = enrol(client, token, requests)
    for plan, key, enrolment in zip(plans, keys, enrolments, strict=True):
        check_belongs(key, enrolment, plan.node)
    for plan, key, enrolment in zip(plans, keys, enrolments, strict=True):
        _write(plan, key, enrolment, trust)


def write_config(
    plan: Plan, broker: tuple[str, int], download: tuple[str, int], first_boot: int = 1
) -> None:
    """Writes config.json, as at provisioning or when the server has moved.

    Args:
        plan: the node.
        broker: host and port.
        download: the same.
        first_boot: with which a new board counts its boots on; one that has counted goes on.

    Raises:
        FileError: the folder cannot be written.
    """
    value: dict[str, object] = {
        "node": plan.node,
        "kind": plan.kind,
        "latitude_udeg": plan.latitude_udeg,
        "longitude_udeg": plan.longitude_udeg,
        "utc_offset_min": plan.utc_offset_min,
        "broker": list(broker),
        "download": list(download),
        "report_s": plan.report_s,
        "first_boot": first_boot,
    }
    for name in ("spread_s", "self_test_s", "sleep_s"):
        seconds = getattr(plan, name)
        if seconds is not None:
            value[name] = seconds
    write_json(plan.folder / "config.json", value)


def has_identity(folder: Path) -> bool:
    """Whether a node's folder holds a whole identity."""
    return all((folder / IDENTITY / name).is_file() for name in ("key.der", "cert.der", "ca.der"))


def check_trust(trust: bytes) -> None:
    """Checks the content of a trust file as the node will.

    Raises:
        FileError: damaged.
    """
    try:
        decode_trust(trust)
    except UpdateError as error:
        raise FileError(f"the trust file is damaged: {error}") from error


def _check(plan: Plan, *, replace: bool) -> None:
    if plan.kind not in KIND_CODES:
        raise UsageError(f"unknown kind {plan.kind!r}: it is one of {', '.join(KIND_CODES)}")
    if abs(plan.latitude_udeg) > 90 * MICRODEGREES or abs(plan.longitude_udeg) > 180 * MICRODEGREES:
        raise UsageError(f"{plan.node} cannot stand at that latitude and longitude")
    if (plan.folder / IDENTITY).exists() and not replace:
        raise FileError(
            f"{plan.folder} holds an identity already; take another --out, "
            "or add --replace to give the node a new one"
        )


def _write(plan: Plan, key: ec.EllipticCurvePrivateKey, enrolment: Enrolment, trust: bytes) -> None:
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make {plan.folder}: {error.strerror}") from error
    write_atomic(plan.folder / "trust.json", trust)
    write_config(plan, enrolment.broker, enrolment.download, enrolment.first_boot)
    # Last, so that a folder with an identity is a whole one.
    files = {"key.der": key_der(key), "cert.der": enrolment.certificate, "ca.der": enrolment.ca}
    _write_identity(plan.folder, files)


def _write_identity(folder: Path, files: dict[str, bytes]) -> None:
    target = folder / IDENTITY
    fresh = folder / f".{IDENTITY}.{secrets.token_hex(4)}.tmp"
    try:
        fresh.mkdir(mode=SECRET_FOLDER)
        try:
            for name, data in files.items():
                write_atomic(fresh / name, data, SECRET_FILE)
            _put_in_place(fresh, target)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    except OSError as error:
        raise FileError(f"cannot write {target}: {error.strerror}") from error


def _put_in_place(fresh: Path, target: Path) -> None:
    if not target.exists():
        os.rename(fresh, target)
        return
    # A folder cannot be renamed over a full one: the old identity steps aside and goes.
    old = target.with_name(f".{IDENTITY}.{secrets.token_hex(4)}.old")
    os.rename(target, old)
    try:
        os.rename(fresh, target)
    except OSError:
        os.rename(old, target)
        raise
    shutil.rmtree(old)
