"""Writes protocols/vectors/*.json anew.

Where an outside reference exists its figures stand here as data: the codec
from RFC 8949 appendix A, sunrise and sunset from `ephem` (libastro; centre of
the disc at -0.833 deg, no refraction added). The rest freezes what the contract
says today, so that a change of it shows in a diff.

    python -m tests.contract.make_vectors
"""

import json
from pathlib import Path
from typing import Any

from protocols import messages, schedule
from protocols.errors import ProtocolError
from tests.contract.vector_runner import call, calls, check, listed

FOLDER = Path(__file__).parents[2] / "protocols" / "vectors"

Vector = dict[str, Any]

# RFC 8949 appendix A: (hex, value) of the part that the contract uses.
RFC_8949: list[tuple[str, Any]] = [
    ("00", 0), ("01", 1), ("0a", 10), ("17", 23), ("1818", 24), ("1819", 25), ("1864", 100),
    ("1903e8", 1000), ("1a000f4240", 1000000), ("1b000000e8d4a51000", 1000000000000),
    ("1bffffffffffffffff", 18446744073709551615), ("3bffffffffffffffff", -18446744073709551616),
    ("20", -1), ("29", -10), ("3863", -100), ("3903e7", -1000), ("f4", False), ("f5", True),
    ("f6", None), ("40", {"$hex": ""}), ("4401020304", {"$hex": "01020304"}), ("60", ""),
    ("6161", "a"), ("6449455446", "IETF"), ("62225c", '"\\'), ("62c3bc", "\u00fc"),
    ("63e6b0b4", "\u6c34"), ("80", []), ("83010203", [1, 2, 3]),
    ("8301820203820405", [1, [2, 3], [4, 5]]), ("a0", {}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}), ("826161a161626163", ["a", {"b": "c"}]),
    ("a56161614161626142616361436164614461656145",
     {"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"}),
]  # fmt: skip
CODEC_REFUSED = [
    ("", "truncated"), ("18", "truncated"), ("19ff", "truncated"), ("4401", "truncated"),
    ("6261", "truncated"), ("8301", "truncated"), ("a161", "truncated"), ("a16161", "truncated"),
    ("9affffffff", "truncated"), ("0000", "malformed"), ("1817", "malformed"),
    ("1900ff", "malformed"), ("1a0000ffff", "malformed"), ("1b00000000ffffffff", "malformed"),
    ("f93c00", "malformed"), ("fb3ff199999999999a", "malformed"), ("f7", "malformed"),
    ("c11a514b67b0", "malformed"), ("9f01ff", "malformed"), ("5f4101ff", "malformed"),
    ("1c", "malformed"), ("62c328", "malformed"), ("63eda080", "malformed"),
    ("a2616101616102", "malformed"), ("a1f601", "malformed"), ("a1f501", "malformed"),
    ("818181818181818181818181", "malformed"),
]  # fmt: skip


LAMP: list[int | None] = [80, 2284, 412, 923, 97, 500, 33321, 3211, 43, 12, 1, -71, 0, 312]
AT_S = 1795216349
PLEIKU = (13983000, 108000000)
NIGHT_PROGRAM = [[1, 0, 100, 0], [0, 1380, 40, 600], [2, -15, 0, 0]]
CALENDAR = {
    "programs": [NIGHT_PROGRAM, [[1, 0, 100, 0], [2, 0, 0, 0]]],
    # 16-18 February 2026, the nights about Tet, burn undimmed.
    "rules": [[1, 127, 9543, 9545], [0, 127, None, None]],
    "utc_offset_min": 420,
}
IRRIGATION: dict[str, Any] = {
    "measure": "soil_moisture_percent", "on": 250, "off": 320, "min_on_s": 60, "min_off_s": 600,
    "most_on_s": 3600, "hours": [300, 1080], "excludes": ["vent_motor", "door"],
    "limits": [["air_temperature_c", 50, None]], "fail_safe": 0,
}  # fmt: skip
RULE_FAULTS: list[tuple[str, Any]] = [
    ("measure", "rssi_dbm"), ("measure", 3), ("on", 320), ("on", 1001), ("on", True),
    ("off", None), ("min_on_s", -1), ("min_off_s", 86401), ("most_on_s", 0), ("hours", [300]),
    ("hours", [300, 1440]), ("hours", 300), ("excludes", ["irrigation"]), ("excludes", ["sun"]),
    ("excludes", ["door"] * 7), ("limits", [["co2_ppm", 1]]), ("limits", [["co2_ppm", -1, None]]),
    ("limits", [["sun", 1, 2]]), ("limits", [["co2_ppm", 1, 2]] * 5), ("fail_safe", 2),
    ("fail_safe", False),
]  # fmt: skip


def main() -> None:
    """Writes every vector file; existing sun references are kept."""
    FOLDER.mkdir(exist_ok=True)
    _write("codec", _codec())
    _write("topics", _topics())
    _write("messages", _messages())
    _write("schedule", _schedule())
    _write("sun", _sun())


def _write(name: str, vectors: list[Vector]) -> None:
    functions = calls()
    for vector in vectors:
        wrong = check(vector, functions)
        if wrong is not None:
            raise SystemExit(f"{name}: {vector['name']}: {wrong}")
    lines = ",\n".join(json.dumps(vector, ensure_ascii=True) for vector in vectors)
    (FOLDER / f"{name}.json").write_text(f'{{"vectors": [\n{lines}\n]}}\n', encoding="ascii")


def _frozen(name: str, call: str, arguments: list[Any]) -> Vector:
    try:
        return {"name": name, "call": call, "with": arguments, "gives": _run(call, arguments)}
    except ProtocolError as error:
        return {"name": name, "call": call, "with": arguments, "reason": error.reason}


def _run(name: str, arguments: list[Any]) -> Any:
    return _jsonable(call(calls(), name, arguments))


def _jsonable(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$hex": value.hex()}
    if isinstance(value, list):
        return [_jsonable(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}  # pyright: ignore
    return value


def _codec() -> list[Vector]:
    vectors: list[Vector] = []
    for code, value in RFC_8949:
        data = {"$hex": code}
        vectors.append(
            {"name": f"reads {code}", "call": "codec.decode", "with": [data], "gives": value}
        )
        vectors.append(
            {"name": f"writes {code}", "call": "codec.encode", "with": [value], "gives": data}
        )
    for code, reason in CODEC_REFUSED:
        vectors.append(
            {
                "name": f"refuses {code}",
                "call": "codec.decode",
                "with": [{"$hex": code}],
                "reason": reason,
            }
        )
    return vectors


def _topics() -> list[Vector]:
    good = "cf1/pk-sl-001/up/"
    texts = [good + channel for channel in ("report", "batch", "event", "state")]
    texts += [
        good + "desired",
        "cf1/pk-sl-001/down/desired",
        "cf2/pk-sl-001/up/report",
        "",
        "cf1/pk-sl-001/up/report/x",
        "cf1/PK/up/report",
        "cf1/server-a/up/report",
        "cf1//up/report",
        "cf1/-a/up/report",
        "cf1/" + "a" * 32 + "/up/report",
        "cf1/+/up/report",
        "cf1/a/up/report",
        "cf1/\u00e9\u00e9/up/report",
    ]
    return [_frozen("topic " + ascii(text), "topics.parse_up", [text]) for text in texts]


def _messages() -> list[Vector]:
    head = [1, 312, 4021, AT_S]
    rows: list[tuple[int, list[int | None]]] = [
        (AT_S + 900 * i, [80 - i % 3, 2284 + i * 7 % 11, *LAMP[2:]]) for i in range(10)
    ]
    rows[3][1][1] = None
    report = messages.encode_report(1, 312, 4021, AT_S, LAMP)
    batch = messages.encode_batch(1, 312, 4021, rows)
    document: dict[str, Any] = {
        "calendar": CALENDAR,
        "override": {"level": 70, "from_s": AT_S, "until_s": AT_S + 3600},
        "report_s": 900,
        "rules": {"irrigation": IRRIGATION, "fan": IRRIGATION | {"most_on_s": None}},
        "update": {"manifest": b"{}", "signatures": [["00", b"s"]], "path": "/blobs/00"},
    }
    vectors = [
        _frozen("report", "messages.encode_report", [*head, LAMP]),
        _frozen("report back", "messages.decode_report", [{"$hex": report.hex()}]),
        _frozen("report without readings", "messages.encode_report", [2, 1, 0, AT_S, [None] * 9]),
        _frozen(
            "report of a cabinet",
            "messages.encode_report",
            [5, 9, 12, AT_S, [2291, 0, 2287, 702, 0, 711, 3012, 438211, 7, 5, 2, 1, -79, 258, 17]],
        ),
        _frozen("batch of ten", "messages.encode_batch", [1, 312, 4021, rows]),
        _frozen("batch back", "messages.decode_batch", [{"$hex": batch.hex()}]),
        *_runs(head),
        _frozen(
            "self-test",
            "messages.encode_event",
            [*head, 40, {"ok": True, "on_mw": 100120, "half_mw": 52400, "off_mw": 0}],
        ),
        _frozen("last gasp", "messages.encode_event", [*head, 2, {"mains_v": 0}]),
        _frozen(
            "state",
            "messages.encode_state",
            [*head, 7, {"app": "1.0.0", "counter": 1, "slot": "a", "error": None}],
        ),
        _frozen("desired", "messages.encode_desired", [9, _jsonable(listed(document))]),
        _frozen(
            "desired back",
            "messages.decode_desired",
            [{"$hex": messages.encode_desired(9, document).hex()}],
        ),
    ]
    for cut in range(0, len(report), 5):
        vectors.append(
            _frozen(
                f"report cut at {cut}", "messages.decode_report", [{"$hex": report[:cut].hex()}]
            )
        )
    return vectors + _certificate_messages(head) + _refused_messages(report, batch)


def _runs(head: list[Any]) -> list[Vector]:
    """What a node tells of how it runs."""
    return [
        _frozen(
            "crash report",
            "messages.encode_event",
            [
                *head,
                14,
                {
                    "cause": "crash",
                    "task": "meter",
                    "exception": "ValueError('frame')",
                    "trace": "bl0942.py:71 read < streetlight.py:170 _keep_meter",
                    "heap_free_bytes": 41232,
                    "uptime_s": 86412,
                },
            ],
        ),
        _frozen("safe mode entered", "messages.encode_event", [*head, 15, {"crashes": 3}]),
        _frozen(
            "link mended",
            "messages.encode_event",
            [*head, 17, {"reason": "modem_silent", "rung": "modem", "tries": 4}],
        ),
        _frozen("safe mode left", "messages.encode_event", [*head, 16, {"uptime_s": 600}]),
    ]


def _certificate_messages(head: list[Any]) -> list[Vector]:
    """A renewal: the request and its outcome as events, and the answers to it."""
    mark = {"$hex": "0011223344556677"}
    encode, decode = "messages.encode_certificate", "messages.decode_certificate"
    granted = messages.encode_certificate(bytes(8), b"\x30" * 2048, None)
    refused = messages.encode_certificate(bytes(8), None, "too_soon")
    wrong = {
        "with both": (bytes(8), b"0", "x"),
        "with neither": (bytes(8), None, None),
        "with a mark of seven": (bytes(7), b"0", None),
        "too large": (bytes(8), bytes(2049), None),
        "as text": (bytes(8), "0", None),
        "with a long reason": (bytes(8), None, "x" * 201),
    }
    events: dict[int, dict[str, Any]] = {
        30: {"request": {"$hex": "30" * 233}},
        31: {"not_after_s": AT_S + 825 * 86400},
        32: {"error": "too_soon"},
    }
    vectors = [
        _frozen(
            messages.EVENT_NAMES[code].replace("_", " "),
            "messages.encode_event",
            [*head, code, detail],
        )
        for code, detail in events.items()
    ]
    too_large = messages.encode_event(1, 312, 4021, AT_S, 30, {"request": bytes(257)})
    vectors += [
        _frozen("certificate granted", encode, [mark, {"$hex": "3003020100"}, None]),
        _frozen("certificate refused", encode, [mark, None, "too_soon"]),
        _frozen("certificate granted, back", decode, [{"$hex": granted.hex()}]),
        _frozen("certificate refused, back", decode, [{"$hex": refused.hex()}]),
        _frozen("request too large", "messages.decode_event", [{"$hex": too_large.hex()}]),
    ]
    for name, (mark_of, certificate, reason) in wrong.items():
        data = messages.encode_certificate(mark_of, certificate, reason)  # type: ignore[arg-type]
        vectors.append(_frozen(f"certificate {name}", decode, [{"$hex": data.hex()}]))
    vectors += [
        _frozen(f"certificate cut at {cut}", decode, [{"$hex": refused[:cut].hex()}])
        for cut in range(0, len(refused), 3)
    ]
    return vectors


def _refused_messages(report: bytes, batch: bytes) -> list[Vector]:
    def changed(index: int, value: Any) -> bytes:
        items = [1, 1, 312, 4021, AT_S, *LAMP]
        items[index] = value
        from protocols.codec import encode

        return encode(items)

    raw = {
        "version 2": changed(0, 2),
        "version as text": changed(0, "1"),
        "unknown kind": changed(1, 99),
        "kind as text": changed(1, "1"),
        "boot below zero": changed(2, -1),
        "boot over 32 bits": changed(2, 1 << 32),
        "clock never set": changed(4, 3600),
        "level 101": changed(5, 101),
        "level as text": changed(5, "80"),
        "level true": changed(5, True),
        "a value too many": report[:1] + report[1:] + b"\x00",
        "empty": b"",
        "a map": b"\xa0",
        "empty array": b"\x80",
        "oversized": b"\x40" * 4097,
    }
    vectors = [
        _frozen(name, "messages.decode_report", [{"$hex": data.hex()}])
        for name, data in raw.items()
    ]
    vectors += [
        _frozen(f"batch cut at {cut}", "messages.decode_batch", [{"$hex": batch[:cut].hex()}])
        for cut in range(1, len(batch), 9)
    ]
    documents: dict[str, dict[str, Any]] = {
        "unknown key": {"colour": 1},
        "override too long": {"override": {"level": 1, "from_s": AT_S, "until_s": AT_S + 90000}},
        "override backwards": {"override": {"level": 1, "from_s": AT_S, "until_s": AT_S}},
        "override level": {"override": {"level": 200, "from_s": AT_S, "until_s": AT_S + 9}},
        "report_s 0": {"report_s": 0},
        "calendar list": {"calendar": []},
        "step of three": {"calendar": {**CALENDAR, "programs": [[[0, 0, 0]]], "rules": []}},
        "rule without program": {"calendar": {**CALENDAR, "programs": []}},
        "update without path": {"update": {"manifest": b"", "signatures": []}},
        "rules as a list": {"rules": []},
        "rule for the sun": {"rules": {"sun": IRRIGATION}},
        "rule without a band": {"rules": {"fan": {"on": 1}}},
    }
    for key, value in RULE_FAULTS:
        rule = {"irrigation": IRRIGATION | {key: value}}
        documents[f"rule with {key} {value}"] = {"rules": rule}
    for name, document in documents.items():
        data = messages.encode_desired(1, document)
        vectors.append(_frozen(name, "messages.decode_desired", [{"$hex": data.hex()}]))
    for vector in vectors:
        if "reason" not in vector:
            raise SystemExit(f"{vector['name']} should be refused")
    return vectors


def _schedule() -> list[Vector]:
    place = list(PLEIKU)
    # 2026-02-15 12:00 local, then hour by hour over three nights into Tet.
    noon_s = 1771131600
    vectors = [
        _frozen(
            f"night +{minute} min", "schedule.level", [CALENDAR, None, noon_s + 60 * minute, *place]
        )
        for minute in [*range(0, 3 * 1440, 60), 660, 661, 665, 669, 670, 671]
    ]
    override = {"level": 70, "from_s": noon_s, "until_s": noon_s + 3600}
    for name, at_s in {
        "starts": noon_s,
        "last second": noon_s + 3599,
        "ended": noon_s + 3600,
        "not yet": noon_s - 1,
    }.items():
        vectors.append(
            _frozen("override " + name, "schedule.level", [CALENDAR, override, at_s, *place])
        )
    default = schedule.DEFAULT_CALENDAR
    for name, (latitude, day_s) in {
        "polar day": (78000000, 1782000000),
        "polar night": (78000000, 1797000000),
    }.items():
        for hour in (0, 6, 12, 18):
            vectors.append(
                _frozen(
                    f"{name} {hour} h",
                    "schedule.level",
                    [default, None, day_s + 3600 * hour, latitude, 108000000],
                )
            )
    return vectors


def _sun() -> list[Vector]:
    kept = json.loads((Path(__file__).parent / "sun_reference.json").read_text(encoding="ascii"))[
        "rows"
    ]
    return [
        {
            "name": f"{place} day {day}",
            "call": "sun.error_s",
            "with": [day, latitude, longitude, rise, set_],
            "at_most": 5,
        }
        for place, day, latitude, longitude, rise, set_ in kept
    ]


if __name__ == "__main__":
    main()
