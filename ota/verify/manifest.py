"""The signed description of a release: eight fields, canonical JSON, one byte form only.

    {"counter":2,"expires_s":1798675200,"kind":"streetlight","length":84211,"mpy":"6.3",
     "sha256":"<64 hex>","spec":1,"version":"1.1.0"}        (sorted keys, no spaces)

Owns the form and the range of each field. Whether a release suits a node is decided in
release.py, after the signatures: nothing here is to be trusted before that.
"""

import json

from ota.verify.errors import MalformedManifest, TooLarge
from ota.verify.limits import MAX_COUNTER, MAX_EXPIRES_S, MAX_MANIFEST_BYTES, MAX_NAME_CHARS

SPEC = 1

_NAME_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789_"
_VERSION_CHARS = _NAME_CHARS + ".+-"
_HEX_CHARS = "0123456789abcdef"

# Whole numbers: (lowest, highest). The length has no highest here: too_large says it better.
_NUMBERS = {
    "counter": (1, MAX_COUNTER),
    "expires_s": (1, MAX_EXPIRES_S),
    "length": (1, MAX_EXPIRES_S),
    "spec": (SPEC, SPEC),
}
# Texts: (allowed characters, fewest, most). None of them needs escaping in JSON.
_TEXTS = {
    "kind": (_NAME_CHARS, 1, MAX_NAME_CHARS),
    "mpy": ("0123456789.", 1, 8),
    "sha256": (_HEX_CHARS, 64, 64),
    "version": (_VERSION_CHARS, 1, MAX_NAME_CHARS),
}


def encode_manifest(fields: dict[str, int | str]) -> bytes:
    """Write checked fields in canonical form.

    Raises:
        MalformedManifest: a field is missing, unknown, of the wrong type or out of range.
    """
    _check_fields(fields)
    parts: list[str] = []
    for key in sorted(fields):
        value = fields[key]
        parts.append('"%s":%d' % (key, value) if key in _NUMBERS else '"%s":"%s"' % (key, value))
    return ("{" + ",".join(parts) + "}").encode()


def decode_manifest(manifest: bytes) -> dict[str, int | str]:
    """Read a manifest whose signatures were checked before.

    Raises:
        TooLarge: more than MAX_MANIFEST_BYTES.
        MalformedManifest: not the canonical form of valid fields; repeated keys, spaces and
            other spellings of the same number are refused too.
    """
    if len(manifest) > MAX_MANIFEST_BYTES:
        raise TooLarge("manifest of %d bytes" % len(manifest))
    try:
        fields: dict[str, int | str] = json.loads(manifest.decode())
    except (ValueError, RuntimeError):  # not JSON, not UTF-8, nested too deep for CPython
        raise MalformedManifest("not JSON") from None
    if type(fields) is not dict:
        raise MalformedManifest("not a JSON object")
    if encode_manifest(fields) != manifest:
        raise MalformedManifest("not canonical")
    return fields


def _check_fields(fields: dict[str, int | str]) -> None:
    for key in fields:
        if key not in _NUMBERS and key not in _TEXTS:
            raise MalformedManifest("unknown field " + repr(key))
    for key, (lowest, highest) in _NUMBERS.items():
        value = fields.get(key)
        # `type is`, since True is an int to isinstance.
        if type(value) is not int or not lowest <= value <= highest:
            raise MalformedManifest(key + " is not a whole number in range")
    for key, (allowed, fewest, most) in _TEXTS.items():
        text = fields.get(key)
        if type(text) is not str or not fewest <= len(text) <= most:
            raise MalformedManifest(key + " is not a text of the right length")
        for char in text:
            if char not in allowed:
                raise MalformedManifest(key + " has a character that is not allowed")
