# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false
"""Runs the vectors of ota/verify on whichever Python executes it.

CPython imports it, MicroPython runs it as a program; both must find the same answers.
Prints one JSON line {"checked": n, "failed": [...]}.

    micropython release_vector_runner.py MODULES VECTORS
"""

import gc
import json
import sys
from binascii import unhexlify

FILES = ("p256", "trust", "release", "bundle")


def check_p256(vector: dict) -> bool:
    """Whether the signature is taken for good."""
    from ota.verify import p256

    return p256.verify(
        unhexlify(vector["public"]), unhexlify(vector["digest"]), unhexlify(vector["signature"])
    )


def check_trust(vector: dict) -> list:
    """The threshold and key names of a trust file."""
    from ota.verify.trust import decode_trust

    threshold, keys = decode_trust(vector["file"].encode())
    return [threshold, sorted(keys)]


def check_release(vector: dict) -> int | str:
    """The version that may be installed."""
    from ota.verify.release import verify_manifest

    trusted = {}
    for name in vector["trusted"]:
        trusted[name] = unhexlify(vector["trusted"][name])
    fields = verify_manifest(
        plain(vector["manifest"]),
        [[plain(part) for part in pair] for pair in vector["signatures"]],
        trusted,
        vector["threshold"],
        vector["kind"],
        vector["installed_counter"],
        vector["now_s"],
    )
    return fields["version"]


def plain(value: object) -> object:
    """JSON has no bytes: {"$hex": ...} and {"$ascii": ...} stand for them."""
    if not isinstance(value, dict):
        return value
    return unhexlify(value["$hex"]) if "$hex" in value else value["$ascii"].encode()


def check_bundle(vector: dict) -> bool:
    """Whether a bundle is what was signed, however it is cut into pieces."""
    from ota.verify.bundle import BundleHash

    bundle = unhexlify(vector["bundle"])
    for step in (1, 7, 64, len(bundle) or 1):
        judge = BundleHash(vector["length"], vector["sha256"])
        for start in range(0, len(bundle), step):
            judge.update(bundle[start : start + step])
        judge.finish()
    return True


def outcome(call) -> dict:  # noqa: ANN001 (no builtin names a callable)
    """What a call gives, or the name under which it refuses; any other error escapes."""
    from ota.verify.errors import UpdateError

    try:
        return {"gives": call()}
    except UpdateError as error:
        return {"refused": error.name}


def check(name: str, vector: dict) -> str | None:
    """None when the vector holds, else what came instead."""
    checks = {
        "p256": check_p256,
        "trust": check_trust,
        "release": check_release,
        "bundle": check_bundle,
    }
    got = outcome(lambda: checks[name](vector))
    wanted = {"refused": vector["refused"]} if "refused" in vector else {"gives": vector["gives"]}
    return None if got == wanted else repr(got)[:200]


def run(modules: str, vectors: str) -> "dict[str, int | list]":
    if modules not in sys.path:
        sys.path.insert(0, modules)
    checked = 0
    failed = []
    for name in FILES:
        with open(vectors + "/" + name + ".json") as file:
            # Line by line: a whole file would fill a node's heap.
            for line in file:
                if not line.startswith('{"name"'):
                    continue
                vector = json.loads(line.rstrip().rstrip(","))
                checked += 1
                wrong = check(name, vector)
                if wrong is not None:
                    failed.append({"file": name, "vector": vector["name"], "wrong": wrong})
    return {"checked": checked, "failed": failed}


if __name__ == "__main__":
    if hasattr(gc, "mem_alloc"):
        # As the firmware does: collecting early keeps long-lived strings close together.
        gc.threshold(8192)
    print(json.dumps(run(sys.argv[1], sys.argv[2])))
