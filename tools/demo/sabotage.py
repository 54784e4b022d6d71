"""Plays the thief: alters a stored release, or signs one with a key that no node trusts.

These show that a node refuses what the server should never have offered. They work on the demo's
own data folder and login only, and change nothing on any node.
"""

import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from ota.publish import Application, build_bundle, default_cache, describe_bundle
from ota.release_file import encode_release
from ota.signing import release_name, sign_release
from tools.client.http import FleetClient
from tools.demo.factory import EXPIRES_DAYS
from tools.demo.folder import DemoFolder
from tools.errors import DemoError, NotFoundError
from tools.release.work import DAY_S, REPOSITORY, plain_errors

FORGED_VERSION = "6.6.6"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def tamper(folder: DemoFolder, release: dict[str, Any]) -> int:
    """Alters one byte in the middle of a release's bundle in the server's store.

    Args:
        folder: the demo.
        release: as the API lists it.

    Returns:
        the altered byte's offset.

    Raises:
        NotFoundError: the store does not have the bundle.
        DemoError: it was altered before, or the server's answer makes no sense.
    """
    sha256 = str(release.get("sha256", ""))
    if _SHA256.fullmatch(sha256) is None:
        raise DemoError("the server does not say which bundle belongs to the release")
    blob = folder.server / "blobs" / sha256
    if not blob.is_file():
        raise NotFoundError(f"the server's store has no bundle {sha256[:12]}")
    data = bytearray(blob.read_bytes())
    offset = len(data) // 2
    data[offset] ^= 0x01
    mode = blob.stat().st_mode
    # In place, as somebody with access to the disk would: the name keeps the old hash.
    blob.chmod(0o600)
    blob.write_bytes(data)
    blob.chmod(mode)
    return offset


def forge(client: FleetClient, kind: str, now_s: int) -> dict[str, Any]:
    """Builds the application, signs it with a new key and uploads it as if it were good.

    Args:
        client: a login that may upload releases.
        kind: a kind of node.
        now_s: the time by which nodes judge expiry, unix seconds.

    Returns:
        the server's answer to the upload.

    Raises:
        FileError: the sources do not build.
        ToolError: the server refuses.
    """
    known: list[dict[str, Any]] = client.get("releases")["releases"]
    counter = 1 + max((int(item["counter"]) for item in known if item["kind"] == kind), default=1)
    what = Application(kind, FORGED_VERSION, counter)
    expires_s = now_s + EXPIRES_DAYS * DAY_S
    with plain_errors():
        bundle = build_bundle(REPOSITORY, what, default_cache())
        manifest = describe_bundle(bundle, what, expires_s)
        release = sign_release(manifest, bundle, [ec.generate_private_key(ec.SECP256R1())])
    return client.upload("releases", release_name(manifest), encode_release(release))
