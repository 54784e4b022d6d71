"""The cases of ota/verify/vectors/p256.json, built with plain curve arithmetic.

It is slow and shares nothing with ota.verify.p256; it reaches the cases that random
signatures never meet (a sum at infinity, a sum of two equal points, an x between the group
order and the field prime). tests/unit/ota holds the same cases against `cryptography`.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

Vector = dict[str, Any]
Point = tuple[int, int] | None

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

# RFC 6979, appendix A.2.5: the key, and r, s of two messages with SHA-256.
RFC_6979_KEY = (
    0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
    0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
)
RFC_6979 = {
    "sample": (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    "test": (
        0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
        0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
    ),
}


def add(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(number: int, point: Point) -> tuple[int, int]:
    total: Point = None
    for bit in bin(number % N)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    assert total is not None
    return total


def lift(x: int) -> tuple[int, int] | None:
    """The point with this x, if there is one (P is 3 modulo 4)."""
    square = (x * x * x - 3 * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    return (x, y) if y * y % P == square else None


def words(*numbers: int) -> str:
    return "".join(f"{number:064x}" for number in numbers)


def p256_case(name: str, point: Any, digest: int, r: int, s: int, gives: bool) -> Vector:
    public = point if isinstance(point, str) else "04" + words(*point)
    return {
        "name": name,
        "public": public,
        "digest": words(digest),
        "signature": words(r, s),
        "gives": gives,
    }


def good_cases() -> Iterator[Vector]:
    for message, (r, s) in RFC_6979.items():
        digest = int.from_bytes(hashlib.sha256(message.encode()).digest(), "big")
        yield p256_case("RFC 6979 " + message, RFC_6979_KEY, digest, r, s, True)
    digest = int.from_bytes(hashlib.sha256(b"lamp").digest(), "big")
    for name, private, nonce, value in (
        ("digest 0", 7, 11, 0),
        ("digest 1", 7, 11, 1),
        ("digest of the order", 7, 11, N),
        ("digest of all ones", 7, 11, 2**256 - 1),
        ("key 1", 1, 11, digest),
        ("key 2", 2, 11, digest),
        ("key 3", 3, 11, digest),
        ("key order - 1", N - 1, 11, digest),
        ("key order - 3", N - 3, 11, digest),
        ("nonce 1", 12345, 1, digest),
        ("nonce order - 1", 12345, N - 1, digest),
        ("nonce half the order", 12345, (N + 1) // 2, digest),
    ):
        r = times(nonce, G)[0] % N
        s = pow(nonce, -1, N) * (value + r * private) % N
        yield p256_case(name, times(private, G), value, r, s, True)
        if name == "key 2":
            yield p256_case("s negated", times(private, G), value, r, N - s, True)
    for name, s in (("s 1", 1), ("s order - 1", N - 1)):
        r = times(99, G)[0] % N
        private = (s * 99 - digest) * pow(r, -1, N) % N
        yield p256_case(name, times(private, G), digest, r, s, True)
    # u1*G equals u2*Q, so that the last addition is a doubling.
    u1, private = 0x1234567, 0xABCDEF
    r = times(2 * u1, G)[0] % N
    s = r * private * pow(u1, -1, N) % N
    yield p256_case("both halves equal", times(private, G), u1 * s % N, r, s, True)


def recovered(point: Point, r: int, s: int, digest: int) -> tuple[int, int]:
    """The key under which r, s makes the verifier arrive at this point."""
    inverse = pow(r, -1, N)
    public = add(times(s * inverse, point), times(-digest * inverse, G))
    assert public is not None
    return public


def edge_cases() -> Iterator[Vector]:
    digest = int.from_bytes(hashlib.sha256(b"bin").digest(), "big")
    # x of R lies between N and P: r is x - N, and only r + N matches.
    x = next(x for x in range(N, P) if lift(x))
    r, s = x - N, 0xC0FFEE
    public = recovered(lift(x), r, s, digest)
    yield p256_case("x above the order", public, digest, r, s, True)
    yield p256_case("x above the order, not reduced", public, digest, x, s, False)
    yield p256_case("x above the order, other key", times(5, G), digest, r, s, False)
    # x of R is small: r + N = x + P would match if it were reduced modulo P.
    x = next(x for x in range(1, 100) if lift(x))
    r = x + P - N
    public = recovered(lift(x), r, s, digest)
    yield p256_case("r plus the order above the prime", public, digest, r, s, False)
    private, r, s = 0xBEEF, 0xFACE, 0xDEAD
    infinity = -r * private % N
    yield p256_case("sum at infinity", times(private, G), infinity, r, s, False)
    # Read as coordinates, infinity must not pass for x = 1 either.
    yield p256_case("sum at infinity, r 1", times(private, G), -private % N, 1, 1, False)


def unusual_forms() -> Iterator[Vector]:
    """Good signatures, each also in a form that says the same and is not allowed."""
    digest, nonce = 1, 99
    r = times(nonce, G)[0] % N
    private = (nonce - digest) * pow(r, -1, N) % N
    good = p256_case("small s and digest", times(private, G), digest, r, 1, True)
    yield good
    yield {**good, "name": "s plus the order", "signature": words(r, 1 + N), "gives": False}
    for name, field, value in (
        ("digest without its zeros", "digest", "01"),
        ("digest with a zero more", "digest", "00" + good["digest"]),
        ("s without its zeros", "signature", words(r) + "01"),
        ("s with a zero more", "signature", words(r) + "00" + words(1)),
    ):
        yield {**good, "name": name, field: value, "gives": False}
    # A key with a small x, for which nobody needs to know the private half.
    x = next(x for x in range(1, 100) if lift(x))
    u1, u2 = 0x1111, 0x2222
    point = add(times(u1, G), times(u2, lift(x)))
    assert point is not None
    r = point[0] % N
    s = r * pow(u2, -1, N) % N
    yield p256_case("key with a small x", lift(x), u1 * s % N, r, s, True)
    above = "04" + words(x + P, lift_y(x))
    yield p256_case("key x not reduced", above, u1 * s % N, r, s, False)


def bad_cases() -> Iterator[Vector]:
    key, (r, s) = RFC_6979_KEY, RFC_6979["sample"]
    digest = int.from_bytes(hashlib.sha256(b"sample").digest(), "big")
    for name, r_bad, s_bad in (
        ("r 0", 0, s),
        ("s 0", r, 0),
        ("both 0", 0, 0),
        ("r order", N, s),
        ("s order", r, N),
        ("both order", N, N),
        ("r field prime", P, s),
        ("r all ones", 2**256 - 1, s),
        ("s all ones", r, 2**256 - 1),
        ("r and s exchanged", s, r),
        ("r negated", N - r, s),
        ("r plus 1", r + 1, s),
        ("s minus 1", r, s - 1),
        ("r 1, s 1", 1, 1),
    ):
        yield p256_case(name, key, digest, r_bad, s_bad, False)
    yield p256_case("other digest", key, digest ^ 1, r, s, False)
    for name, public in (
        ("other key", "04" + words(*times(4, G))),
        ("mirrored key", "04" + words(key[0], P - key[1])),
        ("key off the curve", "04" + words(key[0], key[1] ^ 1)),
        ("key 0, 0", "04" + words(0, 0)),
        ("key coordinates exchanged", "04" + words(key[1], key[0])),
        ("key at infinity", "00"),
        ("key empty", ""),
        ("key compressed", "02" + words(key[0])),
        ("key hybrid", "06" + words(*key)),
        ("key without its first byte", words(*key)),
        ("key with a byte more", "04" + words(*key) + "00"),
    ):
        yield p256_case(name, public, digest, r, s, False)
    whole = p256_case("", key, digest, r, s, False)
    for name, field, value in (
        ("signature empty", "signature", ""),
        ("signature short", "signature", whole["signature"][:-2]),
        ("signature long", "signature", whole["signature"] + "00"),
        ("signature in DER", "signature", "3046022100" + words(r) + "022100" + words(s)),
        ("digest short", "digest", whole["digest"][:-2]),
        ("digest long", "digest", whole["digest"] + "00"),
    ):
        yield {**whole, "name": name, field: value}


def lift_y(x: int) -> int:
    point = lift(x)
    assert point is not None
    return point[1]
