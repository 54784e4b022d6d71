"""P-256 with a private key, in steps: the public key of one, and a signature with one.

Generators: each step is one point operation, a few milliseconds on an ESP32, after which the
caller may let others work; the result is the generator's return value. What is done here
happens once in some years, nobody can measure it finely, and each key signs one
request; so the sums are plain, not of constant time.

    point = yield from public_point(secret)

Source: SEC 1 v2 section 4.1.3; RFC 6979 section 3.2 for the number that each signature needs.
"""

import hashlib

from ota.verify.p256 import GX, GY, N, P, _add_digit, _double, _signed_digits

_BLOCK_BYTES = 64


def secret_from(*entropy: bytes) -> int:
    """A private key from chance and whatever else nobody knows; each alone would do.

    Source: FIPS 186-5 A.2.1, with 64 bytes so that no key is likelier than another.
    """
    seed = b"".join(entropy)
    wide = hmac_sha256(seed, b"key 1") + hmac_sha256(seed, b"key 2")
    return int.from_bytes(wide, "big") % (N - 1) + 1


def public_point(secret: int) -> object:
    """Generator: the uncompressed public point of a private key, 65 bytes."""
    x, y = yield from _multiply(secret)
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def signature(secret: int, digest: bytes) -> object:
    """Generator: (r, s) over a SHA-256 digest."""
    hashed = int.from_bytes(digest, "big") % N
    for number in nonces(secret, hashed):
        x, _ = yield from _multiply(number)
        r = x % N
        s = _inverse(number, N) * (hashed + r * secret) % N
        if r and s:
            return r, s


def nonces(secret: int, hashed: int) -> object:
    """Generator: the numbers of RFC 6979, the first of which nearly always serves."""
    v = b"\x01" * 32
    k = bytes(32)
    for mark in (b"\x00", b"\x01"):
        k = hmac_sha256(k, v + mark + secret.to_bytes(32, "big") + hashed.to_bytes(32, "big"))
        v = hmac_sha256(k, v)
    while True:
        v = hmac_sha256(k, v)
        number = int.from_bytes(v, "big")
        if 0 < number < N:
            yield number
        k = hmac_sha256(k, v + b"\x00")
        v = hmac_sha256(k, v)


def hmac_sha256(key: bytes, text: bytes) -> bytes:
    """HMAC of RFC 2104."""
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    key = key + bytes(_BLOCK_BYTES - len(key))
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()


def _multiply(factor: int) -> object:
    """Generator: the affine point factor * G, for 0 < factor < N."""
    table = yield from _odd_multiples()
    digits = _signed_digits(factor)
    point = (1, 1, 0)
    for index in range(len(digits) - 1, -1, -1):
        point = _double(point)
        if digits[index]:
            point = _add_digit(point, table, 0, digits[index])
        yield
    return _divided(point)


def _odd_multiples() -> object:
    """Generator: 1, 3, 5 and 7 times G."""
    point = (GX, GY, 1)
    twice = [_divided(_double(point))]
    table = [(GX, GY)]
    for _ in range(3):
        point = _add_digit(point, twice, 0, 1)
        table.append(_divided(point))
        yield
    return table


def _divided(point: tuple[int, int, int]) -> tuple[int, int]:
    x, y, z = point
    inverse = _inverse(z, P)
    square = inverse * inverse % P
    return x * square % P, y * square % P * inverse % P


def _inverse(number: int, modulus: int) -> int:
    """By Euclid: a quarter of the work of a power, and short enough for one step."""
    before, now = modulus, number
    t_before, t_now = 0, 1
    while now:
        quotient = before // now
        before, now = now, before - quotient * now
        t_before, t_now = t_now, t_before - quotient * t_now
    return t_before % modulus
