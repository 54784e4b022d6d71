# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false
"""Runs on MicroPython: takes a release as a node does, a block at a time.

Verifies trust.json, manifest and signature and hashes the bundle from its file, with the
application that APPLICATION holds. Prints one JSON line {"version", "bytes", "peak_bytes"}: the
most heap in use at any block beyond the application's own image, garbage included only up to the
threshold that the firmware sets too.

    micropython check_release.py APPLICATION FOLDER
"""

import gc
import json
import sys
from binascii import unhexlify

import vfs  # pyright: ignore[reportMissingImports]

gc.threshold(8192)
with open(sys.argv[1], "rb") as file:
    image = file.read()
vfs.mount(vfs.VfsRom(memoryview(image)), "/app")
sys.path.insert(0, "/app")
folder = sys.argv[2] + "/"

from ota.verify.bundle import BundleHash  # noqa: E402
from ota.verify.release import verify_manifest  # noqa: E402
from ota.verify.trust import decode_trust  # noqa: E402

BLOCK_BYTES = 4096
peak_bytes = 0


def measure() -> None:
    global peak_bytes
    peak_bytes = max(peak_bytes, gc.mem_alloc())


with open(folder + "trust.json", "rb") as file:
    threshold, trusted = decode_trust(file.read())
with open(folder + "manifest", "rb") as file:
    manifest = file.read()
with open(folder + "signatures.json") as file:
    signatures = [(name, unhexlify(text)) for name, text in json.load(file)]
fields = verify_manifest(manifest, signatures, trusted, threshold, "streetlight", 0, None)
measure()

whole = BundleHash(fields["length"], fields["sha256"])
read_bytes = 0
with open(folder + "bundle", "rb") as file:
    while True:
        block = file.read(BLOCK_BYTES)
        if not block:
            break
        whole.update(block)
        read_bytes += len(block)
        measure()
whole.finish()
print(
    json.dumps(
        {
            "version": fields["version"],
            "bytes": read_bytes,
            "peak_bytes": peak_bytes - len(image),
        }
    )
)
