"""Every payload of the contract: encode what we say, check what we hear.

A payload is a CBOR array whose first item is the contract's version. Reports,
events and states begin [version, kind, boot, seq, at_s]; (node, boot, seq)
names one of them for ever, so a repeated message is recognised.

    data = encode_report(STREETLIGHT, boot, seq, at_s, scaled(STREETLIGHT, readings))
    kind, boot, seq, at_s, values = decode_report(data)
"""

from protocols import schedule
from protocols.batch import pack_column, unpack_column
from protocols.codec import decode, encode, encode_row
from protocols.errors import (
    MALFORMED,
    OUT_OF_RANGE,
    OVERSIZED,
    WRONG_VERSION,
    ProtocolError,
)
from protocols.fields import check_values, fields_of
from protocols.limits import (
    BATCH_REPORTS,
    BOOT_MAX,
    CERTIFICATE_BYTES,
    DESIRED_VERSION_MAX,
    DETAIL_BYTES,
    DOWN_BYTES,
    EVENT_DETAIL_KEYS,
    MANIFEST_BYTES,
    MARK_BYTES,
    NONCE_BYTES,
    OVERRIDE_S,
    REPORT_MAX_S,
    REPORT_MIN_S,
    SEQUENCE_MAX,
    SIGNATURES,
    TEXT_BYTES,
    TIME_MAX_S,
    TIME_MIN_S,
    UP_BYTES,
    VERSION,
)

BOOTED = 1
LAST_GASP = 2
OFFLINE = 3
DESIRED_REFUSED = 4
UPDATE_REFUSED = 5
UPDATE_DOWNLOADED = 6
UPDATE_TRIAL = 7
UPDATE_CONFIRMED = 8
UPDATE_ROLLED_BACK = 9
FAULT_ON = 10
FAULT_OFF = 11
ECHO_REQUEST = 12
MAINS_RESTORED = 13
CRASHED = 14
SAFE_MODE_ENTERED = 15
SAFE_MODE_LEFT = 16
LINK_MENDED = 17
FLOOD_LEVEL_CHANGED = 20
OUTPUT_FORCED = 21
SELF_TESTED = 40
CERTIFICATE_REQUESTED = 30
CERTIFICATE_RENEWED = 31
CERTIFICATE_RENEWAL_FAILED = 32

EVENT_NAMES = {
    BOOTED: "booted",
    LAST_GASP: "last_gasp",
    OFFLINE: "offline",
    DESIRED_REFUSED: "desired_refused",
    UPDATE_REFUSED: "update_refused",
    UPDATE_DOWNLOADED: "update_downloaded",
    UPDATE_TRIAL: "update_trial",
    UPDATE_CONFIRMED: "update_confirmed",
    UPDATE_ROLLED_BACK: "update_rolled_back",
    FAULT_ON: "fault_on",
    FAULT_OFF: "fault_off",
    ECHO_REQUEST: "echo_request",
    MAINS_RESTORED: "mains_restored",
    CRASHED: "crashed",
    SAFE_MODE_ENTERED: "safe_mode_entered",
    SAFE_MODE_LEFT: "safe_mode_left",
    LINK_MENDED: "link_mended",
    FLOOD_LEVEL_CHANGED: "flood_level_changed",
    OUTPUT_FORCED: "output_forced",
    SELF_TESTED: "self_tested",
    CERTIFICATE_REQUESTED: "certificate_requested",
    CERTIFICATE_RENEWED: "certificate_renewed",
    CERTIFICATE_RENEWAL_FAILED: "certificate_renewal_failed",
}


def encode_report(kind: int, boot: int, seq: int, at_s: int, values: list[int | None]) -> bytes:
    """One report of scaled values (see fields.py); None is "no reading"."""
    return encode_row([VERSION, kind, boot, seq, at_s] + values)


def decode_report(data: bytes) -> tuple[int, int, int, int, list[int | None]]:
    """-> (kind, boot, seq, at_s, values).

    Raises:
        ProtocolError: any reason but the topic ones.
    """
    items = _array(data, UP_BYTES, 5, None)
    kind, boot, seq, at_s = _stamp(items)
    values = items[5:]
    check_values(kind, values)
    return kind, boot, seq, at_s, values


def encode_batch(
    kind: int, boot: int, first_seq: int, rows: list[tuple[int, list[int | None]]]
) -> bytes:
    """Reports of one boot with consecutive numbers: rows of (at_s, values)."""
    times = [row[0] for row in rows]
    steps: list[int | None] = [times[i] - times[i - 1] for i in range(1, len(times))]
    items: list[object] = [VERSION, kind, boot, first_seq, times[0], len(rows)]
    items.append(pack_column(steps) if steps else 0)
    for index in range(len(fields_of(kind))):
        items.append(pack_column([row[1][index] for row in rows]))
    return encode(items)


def decode_batch(data: bytes) -> tuple[int, int, int, list[tuple[int, list[int | None]]]]:
    """-> (kind, boot, first_seq, rows of (at_s, values)).

    Raises:
        ProtocolError: any reason but the topic ones.
    """
    items = _array(data, UP_BYTES, 7, None)
    kind, boot, first_seq, at_s = _stamp(items)
    count = _integer(items[5], "count", 1, BATCH_REPORTS)
    _integer(first_seq + count - 1, "seq", 0, SEQUENCE_MAX)
    fields = fields_of(kind)
    if len(items) != 7 + len(fields):
        raise ProtocolError(MALFORMED, "wrong number of columns")
    times = [at_s]
    for step in unpack_column(items[6], count - 1):
        times.append(
            _integer(
                times[-1] + _integer(step, "step", -TIME_MAX_S, TIME_MAX_S),
                "at_s",
                TIME_MIN_S,
                TIME_MAX_S,
            )
        )
    columns = [unpack_column(column, count) for column in items[7:]]
    rows = []
    for index in range(count):
        values = [column[index] for column in columns]
        check_values(kind, values)
        rows.append((times[index], values))
    return kind, boot, first_seq, rows


def encode_event(
    kind: int, boot: int, seq: int, at_s: int, code: int, detail: dict[str, object]
) -> bytes:
    """Something that happened: an EVENT_NAMES code and a flat map of detail."""
    return encode([VERSION, kind, boot, seq, at_s, code, detail])


def decode_event(data: bytes) -> tuple[int, int, int, int, int, dict[str, object]]:
    """-> (kind, boot, seq, at_s, code, detail).

    Raises:
        ProtocolError: any reason but the topic ones.
    """
    items = _array(data, UP_BYTES, 7, 7)
    kind, boot, seq, at_s = _stamp(items)
    fields_of(kind)
    code = items[5]
    if type(code) is not int or code not in EVENT_NAMES:
        raise ProtocolError(OUT_OF_RANGE, "event code")
    return kind, boot, seq, at_s, code, _flat_map(items[6])


def encode_state(
    kind: int, boot: int, seq: int, at_s: int, desired_version: int, facts: dict[str, object]
) -> bytes:
    """The reported half of the shadow: the version reached, and facts such as
    {"app": "1.0.0", "counter": 1, "slot": "a", "error": None}."""
    return encode([VERSION, kind, boot, seq, at_s, desired_version, facts])


def decode_state(data: bytes) -> tuple[int, int, int, int, int, dict[str, object]]:
    """-> (kind, boot, seq, at_s, desired_version, facts).

    Raises:
        ProtocolError: any reason but the topic ones.
    """
    items = _array(data, UP_BYTES, 7, 7)
    kind, boot, seq, at_s = _stamp(items)
    fields_of(kind)
    version = _integer(items[5], "desired_version", 0, DESIRED_VERSION_MAX)
    return kind, boot, seq, at_s, version, _flat_map(items[6])


def encode_desired(version: int, document: dict[str, object]) -> bytes:
    """The desired half of the shadow, whole; see check_desired for its keys."""
    return encode([VERSION, version, document])


def decode_desired(data: bytes) -> tuple[int, dict[str, object]]:
    """-> (version, document), the document checked key by key.

    Raises:
        ProtocolError: any reason but the topic ones.
    """
    items = _array(data, DOWN_BYTES, 3, 3)
    version = _integer(items[1], "desired_version", 0, DESIRED_VERSION_MAX)
    check_desired(items[2])
    return version, items[2]


def check_desired(document: object) -> None:
    """Refuses a desired document that a node could not follow whole.

    Keys, all optional: calendar (schedule.check_calendar), override {level,
    from_s, until_s}, report_s, rules (rules.check_rules), update {manifest,
    signatures, path}. None means "none". An unknown key is refused: a node
    must never report that it reached a state of which it understood one half.

    Raises:
        ProtocolError: malformed or out_of_range.
    """
    if not isinstance(document, dict):
        raise ProtocolError(MALFORMED, "desired document is not a map")
    for key, value in document.items():
        if key not in _DESIRED:
            raise ProtocolError(MALFORMED, "unknown key in the desired document")
        if value is not None:
            _DESIRED[key](value)


def encode_echo(nonce: bytes) -> bytes:
    """The server's answer to an echo request: the same nonce."""
    return encode([VERSION, nonce])


def decode_echo(data: bytes) -> bytes:
    """-> the nonce.

    Raises:
        ProtocolError: any reason but the topic ones.
    """
    nonce = _array(data, DOWN_BYTES, 2, 2)[1]
    if not isinstance(nonce, bytes) or len(nonce) > NONCE_BYTES:
        raise ProtocolError(MALFORMED, "nonce")
    return nonce


def encode_certificate(mark: bytes, certificate: bytes | None, reason: str | None) -> bytes:
    """The answer to a certificate request: the certificate as DER, or why there is none.

    `mark` is the start of the SHA-256 of the request, so that a late answer is known for one.
    """
    return encode([VERSION, mark, certificate, reason])


def decode_certificate(data: bytes) -> tuple[bytes, bytes | None, str | None]:
    """-> (mark, certificate or None, reason or None); one of the two is there.

    Raises:
        ProtocolError: any reason but the topic ones.
    """
    _, mark, certificate, reason = _array(data, DOWN_BYTES, 4, 4)
    if not isinstance(mark, bytes) or len(mark) != MARK_BYTES:
        raise ProtocolError(MALFORMED, "mark")
    if isinstance(certificate, bytes) and reason is None:
        if len(certificate) > CERTIFICATE_BYTES:
            raise ProtocolError(OVERSIZED, "certificate")
    elif certificate is not None or not isinstance(reason, str) or len(reason) > TEXT_BYTES:
        raise ProtocolError(MALFORMED, "neither certificate nor reason")
    return mark, certificate, reason


def _array(data: bytes, most_bytes: int, least: int, most: int | None) -> list:
    if len(data) > most_bytes:
        raise ProtocolError(OVERSIZED, str(len(data)) + " bytes")
    items = decode(data)
    if not isinstance(items, list) or not items:
        raise ProtocolError(MALFORMED, "payload is not an array")
    # The version first: another version may have another shape.
    if type(items[0]) is not int or items[0] != VERSION:
        raise ProtocolError(WRONG_VERSION, "contract version")
    if len(items) < least or (most is not None and len(items) > most):
        raise ProtocolError(MALFORMED, "wrong number of items")
    return items


def _stamp(items: list) -> tuple[int, int, int, int]:
    kind = items[1]
    if not isinstance(kind, int) or isinstance(kind, bool):
        raise ProtocolError(MALFORMED, "kind is not an integer")
    return (
        kind,
        _integer(items[2], "boot", 0, BOOT_MAX),
        _integer(items[3], "seq", 0, SEQUENCE_MAX),
        _integer(items[4], "at_s", TIME_MIN_S, TIME_MAX_S),
    )


def _integer(value: object, name: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProtocolError(MALFORMED, name + " is not an integer")
    if value < low or value > high:
        raise ProtocolError(OUT_OF_RANGE, name)
    return value


def _flat_map(value: object) -> dict[str, object]:
    if not isinstance(value, dict) or len(value) > EVENT_DETAIL_KEYS:
        raise ProtocolError(MALFORMED, "detail is not a small map")
    for key, item in value.items():
        if not isinstance(key, str) or len(key) > TEXT_BYTES:
            raise ProtocolError(MALFORMED, "detail key")
        if isinstance(item, (list, dict)):
            raise ProtocolError(MALFORMED, "detail is nested")
        most = DETAIL_BYTES if isinstance(item, bytes) else TEXT_BYTES
        if isinstance(item, (str, bytes)) and len(item) > most:
            raise ProtocolError(OVERSIZED, "detail " + key)
    return value


def _exact_map(value: object, name: str, keys: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(value, dict) or len(value) != len(keys):
        raise ProtocolError(MALFORMED, name)
    for key in keys:
        if key not in value:
            raise ProtocolError(MALFORMED, name + " lacks " + key)
    return value


def _check_override(value: object) -> None:
    override = _exact_map(value, "override", ("level", "from_s", "until_s"))
    _integer(override["level"], "override level", 0, 100)
    start = _integer(override["from_s"], "override from_s", TIME_MIN_S, TIME_MAX_S)
    end = _integer(override["until_s"], "override until_s", TIME_MIN_S, TIME_MAX_S)
    if not start < end <= start + OVERRIDE_S:
        raise ProtocolError(OUT_OF_RANGE, "override lasts over a day or ends before it starts")


def _check_report_s(value: object) -> None:
    _integer(value, "report_s", REPORT_MIN_S, REPORT_MAX_S)


def _check_update(value: object) -> None:
    update = _exact_map(value, "update", ("manifest", "signatures", "path"))
    manifest = update["manifest"]
    if not isinstance(manifest, bytes) or len(manifest) > MANIFEST_BYTES:
        raise ProtocolError(MALFORMED, "update manifest")
    path = update["path"]
    if not isinstance(path, str) or not path.startswith("/") or len(path) > TEXT_BYTES:
        raise ProtocolError(MALFORMED, "update path")
    signatures = update["signatures"]
    if not isinstance(signatures, list) or len(signatures) > SIGNATURES:
        raise ProtocolError(MALFORMED, "update signatures")
    for signature in signatures:
        if not isinstance(signature, list) or len(signature) != 2:
            raise ProtocolError(MALFORMED, "update signature")
        if not isinstance(signature[0], str) or not isinstance(signature[1], bytes):
            raise ProtocolError(MALFORMED, "update signature")


def _check_rules(value: object) -> None:
    from protocols.rules import check_rules  # only stations with outputs spend heap on it

    check_rules(value)


_DESIRED = {
    "calendar": schedule.check_calendar,
    "override": _check_override,
    "report_s": _check_report_s,
    "rules": _check_rules,
    "update": _check_update,
}
