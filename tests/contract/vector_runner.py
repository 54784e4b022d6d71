"""Runs the golden vectors of protocols/ on whichever Python executes it.

CPython imports it, MicroPython runs it as a program; both must find the same
answers. Prints one JSON line {"checked": n, "failed": [...]}.

    micropython vector_runner.py ROOT
"""
# pyright: basic
# ruff: noqa: ANN001, ANN202

import json
import sys


def plain(value: object) -> object:
    """JSON has no bytes and no integer keys: {"$hex": "..."} stands for bytes."""
    if isinstance(value, dict):
        if len(value) == 1 and "$hex" in value:
            return bytes.fromhex(value["$hex"])
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def listed(value: object) -> object:
    """Tuples as lists, so that results compare with what JSON can say."""
    if isinstance(value, (list, tuple)):
        return [listed(item) for item in value]
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    return value


def calls() -> dict[str, object]:
    from protocols import codec, messages, schedule, sun, topics

    def sun_error_s(day, latitude_udeg, longitude_udeg, rise_s, set_s):
        found = sun.rise_set(day, latitude_udeg, longitude_udeg)
        if rise_s is None or set_s is None:
            return 0 if found == (rise_s, set_s) else 99999
        return max(abs(found[0] - rise_s), abs(found[1] - set_s))

    def level(calendar, override, at_s, latitude_udeg, longitude_udeg):
        forced = schedule.override_level(override, at_s)
        if forced is not None:
            return forced
        return schedule.level_at(calendar, at_s, latitude_udeg, longitude_udeg)[0]

    return {
        "codec.decode": codec.decode,
        "codec.encode": codec.encode,
        "topics.parse_up": topics.parse_up,
        "messages.decode_report": messages.decode_report,
        "messages.encode_report": messages.encode_report,
        "messages.decode_batch": messages.decode_batch,
        "messages.encode_batch": messages.encode_batch,
        "messages.decode_event": messages.decode_event,
        "messages.encode_event": messages.encode_event,
        "messages.decode_state": messages.decode_state,
        "messages.encode_state": messages.encode_state,
        "messages.decode_desired": messages.decode_desired,
        "messages.encode_desired": messages.encode_desired,
        "messages.decode_echo": messages.decode_echo,
        "messages.decode_certificate": messages.decode_certificate,
        "messages.encode_certificate": messages.encode_certificate,
        "schedule.level": level,
        "sun.error_s": sun_error_s,
    }


def call(functions: dict[str, object], name: str, arguments: list[object]) -> object:
    """The named function's answer, as JSON-like lists and maps."""
    function = functions[name]
    assert callable(function)
    return listed(function(*[plain(argument) for argument in arguments]))


def check(vector: dict[str, object], functions: dict[str, object]) -> str | None:
    """None when the vector holds, else what came instead."""
    from protocols.errors import ProtocolError

    try:
        got = _called(vector, functions)
    except ProtocolError as error:
        if vector.get("reason") == error.reason:
            return None
        return "refused: " + str(error)
    if "reason" in vector:
        return "accepted: " + repr(got)[:200]
    if "at_most" in vector:
        return _at_most(got, vector["at_most"])
    return None if got == plain(vector["gives"]) else repr(got)[:200]


def _called(vector: dict[str, object], functions: dict[str, object]) -> object:
    name, arguments = vector["call"], vector["with"]
    assert isinstance(name, str)
    assert isinstance(arguments, list)
    return call(functions, name, arguments)


def _at_most(got: object, limit: object) -> str | None:
    assert isinstance(got, int)
    assert isinstance(limit, int)
    return None if got <= limit else repr(got)


def run(root: str) -> dict[str, object]:
    if root not in sys.path:
        sys.path.insert(0, root)
    functions = calls()
    checked = 0
    failed = []
    for name in ("codec", "topics", "messages", "schedule", "sun"):
        with open(root + "/protocols/vectors/" + name + ".json") as file:
            vectors = json.load(file)["vectors"]
        for vector in vectors:
            checked += 1
            wrong = check(vector, functions)
            if wrong is not None:
                failed.append({"file": name, "vector": vector["name"], "wrong": wrong})
    return {"checked": checked, "failed": failed}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1])))
