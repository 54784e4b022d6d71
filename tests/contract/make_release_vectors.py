"""Writes ota/verify/vectors/*.json anew.

python -m tests.contract.make_release_vectors
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from ota.signing import public_point, sign_manifest
from ota.verify.limits import MAX_BUNDLE_BYTES
from ota.verify.release import SIGNATURE_DOMAIN
from ota.verify.trust import key_id
from tests.contract.p256_cases import (
    G,
    N,
    Vector,
    bad_cases,
    edge_cases,
    good_cases,
    times,
    unusual_forms,
    words,
)

FOLDER = Path(__file__).parents[2] / "ota" / "verify" / "vectors"

KEYS = [ec.derive_private_key(secret, ec.SECP256R1()) for secret in (1001, 1002, 1003)]
POINTS = [public_point(key) for key in KEYS]
IDS = [key_id(point) for point in POINTS]
NOW_S = 1795216349
MANIFEST: dict[str, Any] = {
    "counter": 2,
    "expires_s": NOW_S + 1,
    "kind": "streetlight",
    "length": 84211,
    "mpy": "6.3",
    "sha256": hashlib.sha256(b"bundle").hexdigest(),
    "spec": 1,
    "version": "1.1.0",
}


def canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def in_hex(data: bytes) -> dict[str, str]:
    return {"$hex": data.hex()}


def raw_signature(key: int, message: bytes) -> bytes:
    """Sign any bytes, also those that sign_manifest rightly will not."""
    secret = KEYS[key].private_numbers().private_value
    nonce = int.from_bytes(hashlib.sha256(b"nonce" + message).digest(), "big") % N
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    r = times(nonce, G)[0] % N
    return bytes.fromhex(words(r, pow(nonce, -1, N) * (digest + r * secret) % N))


def signed(manifest: bytes, *keys: int) -> list[list[Any]]:
    return [[IDS[key], in_hex(raw_signature(key, SIGNATURE_DOMAIN + manifest))] for key in keys]


def release_case(name: str, manifest: bytes | None = None, **changes: Any) -> Vector:
    manifest = canonical(MANIFEST) if manifest is None else manifest
    vector: Vector = {
        "name": name,
        "manifest": {"$ascii": manifest.decode()} if manifest.isascii() else in_hex(manifest),
        "signatures": signed(manifest, 0),
        "trusted": {IDS[0]: POINTS[0].hex()},
        "threshold": 1,
        "kind": "streetlight",
        "installed_counter": 1,
        "now_s": NOW_S,
    }
    vector.update(changes)
    if "refused" not in vector:
        vector["gives"] = "1.1.0"
    return vector


def suiting_cases() -> Iterator[Vector]:
    name, signature = sign_manifest(canonical(MANIFEST), KEYS[0])
    yield release_case("good", signatures=[[name, in_hex(signature)]])
    yield release_case("same counter again", installed_counter=2)
    yield release_case("clock not set", now_s=None)
    yield release_case("older", installed_counter=3, refused="older_counter")
    yield release_case("expires now", now_s=NOW_S + 1, refused="expired")
    yield release_case("wrong kind", kind="smart_bin", refused="wrong_kind")
    for name, field, value, refused in (
        ("other bytecode", "mpy", "6.2", "wrong_runtime"),
        ("largest bundle", "length", MAX_BUNDLE_BYTES, None),
        ("bundle too large", "length", MAX_BUNDLE_BYTES + 1, "too_large"),
        ("other spec", "spec", 2, "malformed_manifest"),
        ("counter 0", "counter", 0, "malformed_manifest"),
        ("counter negative", "counter", -2, "malformed_manifest"),
        ("counter beyond 31 bits", "counter", 2**31, "malformed_manifest"),
        ("counter true", "counter", True, "malformed_manifest"),
        ("counter text", "counter", "2", "malformed_manifest"),
        ("counter float", "counter", 2.5, "malformed_manifest"),
        ("counter null", "counter", None, "malformed_manifest"),
        ("length huge", "length", 10**80, "malformed_manifest"),
        ("length a list", "length", [1], "malformed_manifest"),
        ("hash short", "sha256", "ab", "malformed_manifest"),
        ("hash in capitals", "sha256", MANIFEST["sha256"].upper(), "malformed_manifest"),
        ("version empty", "version", "", "malformed_manifest"),
        ("version with a quote", "version", 'a"b', "malformed_manifest"),
        ("version with a path", "version", "../1", "malformed_manifest"),
        ("version with a letter beyond ASCII", "version", "1.1\u00e9", "malformed_manifest"),
        ("version of 33 characters", "version", "1" * 33, "malformed_manifest"),
        ("kind with a dot", "kind", "street.light", "malformed_manifest"),
        ("field more", "note", "x", "malformed_manifest"),
        ("manifest too long", "version", "1" * 600, "too_large"),
    ):
        changes = {} if refused is None else {"refused": refused}
        yield release_case(name, canonical({**MANIFEST, field: value}), **changes)


def malformed_cases() -> Iterator[Vector]:
    good = canonical(MANIFEST)
    without = {key: value for key, value in MANIFEST.items() if key != "expires_s"}
    for name, manifest in (
        ("field missing", canonical(without)),
        ("spaces", json.dumps(MANIFEST, sort_keys=True).encode()),
        ("space after", good + b" "),
        ("keys unsorted", b'{"spec":1,' + good[1:].replace(b'"spec":1,', b"")),
        ("key twice", b'{"counter":2,' + good[1:]),
        ("exponent", good.replace(b'"counter":2', b'"counter":2e0')),
        ("leading zero", good.replace(b'"counter":2', b'"counter":02')),
        ("plus sign", good.replace(b'"counter":2', b'"counter":+2')),
        ("escape", good.replace(b"1.1.0", b"1.1.\\u0030")),
        ("bytes after", good + b"\n"),
        ("two documents", good + good),
        ("cut short", good[:-1]),
        ("array", b"[]"),
        ("number", b"1"),
        ("text", b'"x"'),
        ("null", b"null"),
        ("empty", b""),
        ("not UTF-8", b"\xff\xfe" + good),
        ("zero byte", good.replace(b"1.1.0", b"1.1.0\0")),
        ("nested", b"[" * 500),
    ):
        yield release_case(name, manifest, refused="malformed_manifest")


def signature_cases() -> Iterator[Vector]:
    good = canonical(MANIFEST)
    two = {name: point.hex() for name, point in zip(IDS[:2], POINTS[:2], strict=True)}
    pair = signed(good, 0)[0]
    broken = [IDS[1], pair[1]]
    plain = [IDS[0], in_hex(raw_signature(0, good))]
    other_domain = [IDS[0], in_hex(raw_signature(0, b"cityfleet-release-v2\n" + good))]
    for name, signatures, changes in (
        ("two of two", signed(good, 0, 1), {"trusted": two, "threshold": 2}),
        ("two of two, other order", signed(good, 1, 0), {"trusted": two, "threshold": 2}),
        ("one of two", signed(good, 1), {"trusted": two}),
        ("unknown beside known", signed(good, 2, 0), {}),
        ("unknown with garbage", [[IDS[2], in_hex(b"\0")], pair], {}),
        ("unknown alone", signed(good, 1), {"refused": "unknown_key"}),
        ("none", [], {"refused": "too_few_signatures"}),
        (
            "one where two are needed",
            signed(good, 0),
            {"trusted": two, "threshold": 2, "refused": "too_few_signatures"},
        ),
        (
            "unknown does not count",
            signed(good, 0, 2),
            {"trusted": two, "threshold": 2, "refused": "too_few_signatures"},
        ),
        (
            "the same twice",
            [pair, pair],
            {"trusted": two, "threshold": 2, "refused": "bad_signature"},
        ),
        ("bad beside good", [pair, broken], {"trusted": two, "refused": "bad_signature"}),
        ("other key's signature", [[IDS[0], signed(good, 1)[0][1]]], {"refused": "bad_signature"}),
        ("without the domain", [plain], {"refused": "bad_signature"}),
        ("other domain", [other_domain], {"refused": "bad_signature"}),
        ("signature cut short", [[IDS[0], in_hex(bytes(63))]], {"refused": "bad_signature"}),
        ("signature of zeros", [[IDS[0], in_hex(bytes(64))]], {"refused": "bad_signature"}),
        ("signature as text", [[IDS[0], pair[1]["$hex"]]], {"refused": "bad_signature"}),
        ("signature missing", [[IDS[0]]], {"refused": "bad_signature"}),
        ("key id as a number", [[1, pair[1]]], {"refused": "bad_signature"}),
        ("nine signatures", [[f"k{i}", pair[1]] for i in range(9)], {"refused": "too_large"}),
        ("threshold 0", [], {"threshold": 0, "refused": "malformed_trust"}),
        ("threshold above the keys", [pair], {"threshold": 2, "refused": "malformed_trust"}),
        (
            "trusted under another name",
            [[IDS[1], pair[1]]],
            {"trusted": {IDS[1]: POINTS[0].hex()}, "refused": "malformed_trust"},
        ),
    ):
        yield release_case(name, good, signatures=signatures, **changes)
    altered = good.replace(b"1.1.0", b"1.1.1")
    yield release_case("altered", altered, signatures=[pair], refused="bad_signature")


def trust_cases() -> Iterator[Vector]:
    keys = {name: point.hex() for name, point in zip(IDS, POINTS, strict=True)}
    many = [public_point(ec.derive_private_key(i, ec.SECP256R1())) for i in range(1, 10)]
    nine = {key_id(point): point.hex() for point in many}
    off = "04" + words(1, 1)
    off_id = key_id(bytes.fromhex(off))
    yield {
        "name": "good",
        "file": json.dumps({"threshold": 2, "keys": keys}),
        "gives": [2, sorted(keys)],
    }
    for name, file in (
        ("empty", ""),
        ("array", "[]"),
        ("number", "7"),
        ("no keys", json.dumps({"threshold": 1, "keys": {}})),
        ("keys missing", json.dumps({"threshold": 1})),
        ("threshold missing", json.dumps({"keys": keys})),
        ("threshold 0", json.dumps({"threshold": 0, "keys": keys})),
        ("threshold 4 of 3", json.dumps({"threshold": 4, "keys": keys})),
        ("threshold true", json.dumps({"threshold": True, "keys": keys})),
        ("threshold text", json.dumps({"threshold": "1", "keys": keys})),
        ("key not hexadecimal", json.dumps({"threshold": 1, "keys": {IDS[0]: "xy"}})),
        ("key a number", json.dumps({"threshold": 1, "keys": {IDS[0]: 4}})),
        ("key named otherwise", json.dumps({"threshold": 1, "keys": {IDS[1]: POINTS[0].hex()}})),
        ("key off the curve", json.dumps({"threshold": 1, "keys": {off_id: off}})),
        ("nine keys", json.dumps({"threshold": 1, "keys": nine})),
        ("too long", json.dumps({"threshold": 1, "keys": keys}) + " " * 2048),
    ):
        yield {"name": name, "file": file, "refused": "malformed_trust"}


def bundle_cases() -> Iterator[Vector]:
    bundle = bytes(range(200))
    right: Vector = {
        "bundle": bundle.hex(),
        "length": len(bundle),
        "sha256": hashlib.sha256(bundle).hexdigest(),
    }
    yield {"name": "as signed", **right, "gives": True}
    empty = {"bundle": "", "length": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    yield {"name": "empty", **empty, "gives": True}
    for name, field, value, refused in (
        ("byte missing", "length", len(bundle) + 1, "length_mismatch"),
        ("byte more", "length", len(bundle) - 1, "length_mismatch"),
        ("nothing declared", "length", 0, "length_mismatch"),
        ("other hash", "sha256", "00" * 32, "hash_mismatch"),
        ("hash of nothing", "sha256", empty["sha256"], "hash_mismatch"),
        ("one bit altered", "bundle", (b"\x01" + bundle[1:]).hex(), "hash_mismatch"),
    ):
        yield {"name": name, **right, field: value, "refused": refused}


def documents() -> dict[str, list[Vector]]:
    """All vectors by file name."""
    return {
        "p256": [*good_cases(), *edge_cases(), *unusual_forms(), *bad_cases()],
        "trust": list(trust_cases()),
        "release": [*suiting_cases(), *malformed_cases(), *signature_cases()],
        "bundle": list(bundle_cases()),
    }


def text(vectors: list[Vector]) -> str:
    """One vector a line, so that a change shows as one line in a diff."""
    lines = ",\n".join(json.dumps(vector) for vector in vectors)
    return '{"vectors": [\n' + lines + "\n]}\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, vectors in documents().items():
        (FOLDER / f"{name}.json").write_text(text(vectors))


if __name__ == "__main__":
    main()
