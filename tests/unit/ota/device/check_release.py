# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false
"""Runs on MicroPython: takes a release as a node does, a block at a time.

Verifies trust.json, manifest and signature, hashes the bundle from its file and unpacks it
to nowhere. Prints one JSON line {"version", "files", "bytes", "peak_bytes"}: the most heap in
use at any block, garbage included only up to the threshold that the firmware sets too.

    micropython check_release.py SLOT FOLDER
"""

import gc
import json
import sys
from binascii import unhexlify

gc.threshold(8192)
sys.path.insert(0, sys.argv[1])
folder = sys.argv[2] + "/"

from ota.verify.bundle import BundleHash, BundleReader  # noqa: E402
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
with open(folder + "bundle", "rb") as file:
    while True:
        block = file.read(BLOCK_BYTES)
        if not block:
            break
        whole.update(block)
        measure()
whole.finish()

reader = BundleReader(fields["length"])
files = 0
unpacked_bytes = 0
with open(folder + "bundle", "rb") as file:
    while True:
        block = file.read(BLOCK_BYTES)
        if not block:
            break
        for _, data, end in reader.feed(block):
            unpacked_bytes += len(data)
            files += end
        measure()
reader.finish()
print(
    json.dumps(
        {
            "version": fields["version"],
            "files": files,
            "bytes": unpacked_bytes,
            "peak_bytes": peak_bytes,
        }
    )
)
