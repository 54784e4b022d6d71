"""A new key and its certificate request as DER, in steps (see signing.py).

    key, request = yield from new_request("pk-sl-001", secret)

Source: RFC 2986 (PKCS#10), RFC 5915 (EC private keys), RFC 5480, RFC 5758.
"""

import hashlib

from firmware.identity.signing import public_point, signature

_P256 = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
_EC_PUBLIC_KEY = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
_ECDSA_SHA256 = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
_COMMON_NAME = b"\x06\x03\x55\x04\x03"

_BITS = 0x03
_OCTETS = 0x04
_TEXT = 0x0C
_SEQUENCE = 0x30
_SET = 0x31


def new_request(node: str, secret: int) -> object:
    """Generator: (private key, certificate request), both DER.

    The key ends with its 65 bytes of public point.
    """
    point = yield from public_point(secret)
    named = _der(_SEQUENCE, _COMMON_NAME, _der(_TEXT, node.encode()))
    info = _der(
        _SEQUENCE,
        b"\x02\x01\x00",
        _der(_SEQUENCE, _der(_SET, named)),
        _der(_SEQUENCE, _der(_SEQUENCE, _EC_PUBLIC_KEY, _P256), _der(_BITS, b"\x00", point)),
        b"\xa0\x00",
    )
    r, s = yield from signature(secret, hashlib.sha256(info).digest())
    proof = _der(_SEQUENCE, _number(r), _number(s))
    request = _der(_SEQUENCE, info, _der(_SEQUENCE, _ECDSA_SHA256), _der(_BITS, b"\x00", proof))
    key = _der(
        _SEQUENCE,
        b"\x02\x01\x01",
        _der(_OCTETS, secret.to_bytes(32, "big")),
        _der(0xA0, _P256),
        _der(0xA1, _der(_BITS, b"\x00", point)),
    )
    return key, request


def _der(tag: int, *parts: bytes) -> bytes:
    """An element of at most 255 bytes, which all of a request's are."""
    body = b"".join(parts)
    size = len(body)
    return bytes((tag, size) if size < 0x80 else (tag, 0x81, size)) + body


def _number(value: int) -> bytes:
    raw = value.to_bytes(32, "big").lstrip(b"\x00")
    return _der(0x02, b"\x00" + raw if raw[0] & 0x80 else raw)
