"""ECDSA over NIST P-256: verification only, whole numbers only.

Owns the curve and the check of a signature (r, s) over a 32-byte digest. Nothing here is
secret, so nothing needs to run in constant time; signing is not here for that reason.
Hashing, key trust and what the digest means belong to the callers.

    verify(public_point_65_bytes, sha256_digest, signature_64_bytes)  # -> True or False

The sum u1*G + u2*Q is walked once for both scalars (Strauss, Shamir) in width-4
non-adjacent form over affine odd multiples, in Jacobian coordinates: about 256 doublings
and 102 mixed additions, with one inversion for the table and none at the end.

Source: FIPS 186-5 section 6.4.2, SEC 1 v2 section 4.1.4, SP 800-186 section 3.2.1.3.
"""

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5

POINT_BYTES = 65
SIGNATURE_BYTES = 64
DIGEST_BYTES = 32


def verify(public: bytes, digest: bytes, signature: bytes) -> bool:
    """Tell whether a signature over a digest was made with the private half of a key.

    Args:
        public: Uncompressed point, 0x04 then x and y of 32 bytes each, big endian.
        digest: SHA-256 of the signed message, 32 bytes.
        signature: r and s of 32 bytes each, big endian (not DER).

    Returns:
        False for everything that is not a valid signature, also for a wrong length, a
        number out of range and a point off the curve: no input raises.

    Source: FIPS 186-5 section 6.4.2.
    """
    point = parse_point(public)
    if point is None or len(digest) != DIGEST_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, N - 2, N)
    u1 = int.from_bytes(digest, "big") * inverse % N
    u2 = r * inverse % N
    x, _, z = _twin_multiply(u1, u2, point[0], point[1])
    if not z:
        return False
    # x / z^2 is compared without dividing. It was reduced modulo P while r is modulo N,
    # so the one other candidate is r + N where that still fits below P.
    zz = z * z % P
    return r * zz % P == x or (r + N < P and (r + N) * zz % P == x)


def parse_point(public: bytes) -> tuple[int, int] | None:
    """Read an uncompressed point; None unless it is a valid point of the curve.

    P-256 has cofactor 1, so a point on the curve is in the right group.

    Source: SP 800-56A rev. 3 section 5.6.2.3.3.
    """
    if len(public) != POINT_BYTES or public[0] != 4:
        return None
    x = int.from_bytes(public[1:33], "big")
    y = int.from_bytes(public[33:], "big")
    if x >= P or y >= P or (y * y - (x * x - 3) * x - B) % P:
        return None
    return x, y


def _twin_multiply(u1: int, u2: int, x: int, y: int) -> tuple[int, int, int]:
    """Compute u1*G + u2*(x, y) in Jacobian coordinates; z is 0 for the point at infinity."""
    table = _affine(_odd_multiples(GX, GY) + _odd_multiples(x, y))
    digits1 = _signed_digits(u1)
    digits2 = _signed_digits(u2)
    sum_point = (1, 1, 0)
    for i in range(max(len(digits1), len(digits2)) - 1, -1, -1):
        sum_point = _double(sum_point)
        if i < len(digits1) and digits1[i]:
            sum_point = _add_digit(sum_point, table, 0, digits1[i])
        if i < len(digits2) and digits2[i]:
            sum_point = _add_digit(sum_point, table, 4, digits2[i])
    return sum_point


def _signed_digits(number: int) -> bytearray:
    """Return the width-4 non-adjacent form, lowest digit first, each digit modulo 16.

    A digit is 0 or odd from -7 to 7 and at most one of any four neighbours is not 0.
    Bytes, not a list of ints: 257 of them stay in one small block of the node's heap.
    """
    digits = bytearray(257)
    i = 0
    while number:
        if number & 1:
            digit = number & 15
            digits[i] = digit
            number -= digit if digit < 8 else digit - 16
        number >>= 1
        i += 1
    return digits


def _add_digit(
    point: tuple[int, int, int], table: list[tuple[int, int]], base: int, digit: int
) -> tuple[int, int, int]:
    """Add the odd multiple that a signed digit names to a point."""
    if digit < 8:
        x, y = table[base + (digit >> 1)]
        return _add(point, x, y)
    x, y = table[base + ((16 - digit) >> 1)]
    return _add(point, x, P - y)


def _odd_multiples(x: int, y: int) -> list[tuple[int, int, int]]:
    """Return 1, 3, 5 and 7 times an affine point; none is infinity as the order is prime."""
    point = (x, y, 1)
    doubled = _affine([_double(point)])[0]
    multiples: list[tuple[int, int, int]] = [point]
    for _ in range(3):
        point = _add(point, doubled[0], doubled[1])
        multiples.append(point)
    return multiples


def _affine(points: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Divide the z out of some points, none of them infinity, with a single inversion.

    Source: Montgomery's simultaneous inversion (Cohen, GTM 138, algorithm 10.3.4).
    """
    products = [1]
    for _, _, z in points:
        products.append(products[-1] * z % P)
    inverse = pow(products.pop(), P - 2, P)
    result: list[tuple[int, int]] = []
    for x, y, z in reversed(points):
        z_inverse = inverse * products.pop() % P
        inverse = inverse * z % P
        square = z_inverse * z_inverse % P
        result.append((x * square % P, y * square % P * z_inverse % P))
    result.reverse()
    return result


def _double(point: tuple[int, int, int]) -> tuple[int, int, int]:
    """Double a Jacobian point. Infinity stays infinity: z only ever multiplies z.

    Source: Bernstein and Lange, Explicit-Formulas Database, shortw jacobian-3 dbl-2001-b.
    """
    x, y, z = point
    zz = z * z % P
    yy = y * y % P
    beta = x * yy % P
    alpha = 3 * (x - zz) * (x + zz) % P
    x3 = (alpha * alpha - 8 * beta) % P
    return x3, (alpha * (4 * beta - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(point: tuple[int, int, int], x2: int, y2: int) -> tuple[int, int, int]:
    """Add an affine point to a Jacobian one, with the cases that the formula cannot do.

    Source: Hankerson, Menezes, Vanstone, Guide to Elliptic Curve Cryptography, alg. 3.22.
    """
    x1, y1, z1 = point
    if not z1:
        return x2, y2, 1
    zz = z1 * z1 % P
    h = (x2 * zz - x1) % P
    d = (y2 * zz % P * z1 - y1) % P
    if not h:
        return _double(point) if not d else (1, 1, 0)
    hh = h * h % P
    hhh = h * hh % P
    v = x1 * hh % P
    x3 = (d * d - hhh - 2 * v) % P
    return x3, (d * (v - x3) - y1 * hhh) % P, z1 * h % P
