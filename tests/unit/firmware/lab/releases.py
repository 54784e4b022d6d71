"""Releases for one node: built, signed, and put where the node can fetch them."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ota.publish import Application, describe_bundle
from ota.signing import create_key, load_key
from ota.verify.release import SIGNATURE_DOMAIN
from ota.verify.trust import key_id
from tests.unit.firmware.lab.node import bundle_of
from tests.unit.firmware.lab.servers import Blobs

DAY_S = 86400


class ReleaseManager:
    """Who holds the release key that a node trusts."""

    def __init__(self, folder: Path, blobs: Blobs) -> None:
        self._blobs = blobs
        self.point = create_key(folder / "release.key", None)
        self._key = load_key(folder / "release.key", None)

    def entrust(self, node_folder: Path) -> None:
        """Write the node's trust.json."""
        keys = {key_id(self.point): self.point.hex()}
        (node_folder / "trust.json").write_text(json.dumps({"threshold": 1, "keys": keys}))

    def order(
        self,
        kind: str,
        version: str,
        counter: int,
        *,
        bundle: bytes | None = None,
        days: int = 1,
    ) -> dict[str, Any]:
        """A signed order; its bundle lies on the download server."""
        bundle = bundle_of(kind, version, counter) if bundle is None else bundle
        path = f"/blobs/{hashlib.sha256(bundle).hexdigest()}"
        self._blobs.content[path] = bundle
        what = Application(kind, version, counter)
        manifest = describe_bundle(bundle, what, int(time.time()) + days * DAY_S)
        return {"manifest": manifest, "signatures": [self.sign(manifest)], "path": path}

    def sign(self, manifest: bytes) -> list[Any]:
        """A signature over anything, as a desired document carries it."""
        der = self._key.sign(SIGNATURE_DOMAIN + manifest, ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(der)
        return [key_id(self.point), r.to_bytes(32, "big") + s.to_bytes(32, "big")]
