"""What the node was told at provisioning (config.json) and what board it is (board.json).

A damaged config.json does not stop a node that once had a good one: the last good copy is
kept with a checksum under state/ and used with a named error. Defaults stand here and
nowhere else.
"""

import json

from firmware.core.errors import ConfigError
from firmware.core.limits import (
    ACK_TIMEOUT_MS,
    ALARM_REPORT_S,
    AWAKE_S,
    BACKOFF_MAX_MS,
    CONFIG_BYTES,
    GOOD_RUN_S,
    KEEPALIVE_S,
    MEASURE_MS,
    OUTPUT_CURVE,
    RENEW_CHECK_S,
    REPORT_S,
    SELF_TEST_S,
    SLEEP_S,
    SPREAD_S,
)
from firmware.core.storage import read_checked, read_file, write_checked
from protocols.fields import KIND_CODES
from protocols.limits import BOOT_MAX

_GOOD = "state/config"


def load_config() -> tuple[dict, str | None]:
    """The node's configuration and the name of the error met on the way, if any.

    Raises:
        ConfigError: neither config.json nor a good copy of it can be used.
    """
    raw = read_file("config.json", CONFIG_BYTES)
    try:
        config = _checked(raw)
    except ConfigError as error:
        good, _ = read_checked(_GOOD)
        if good is None:
            raise
        return _checked(good), error.name
    if read_checked(_GOOD)[0] != raw:
        write_checked(_GOOD, raw)
    return config, None


def load_board(kind: str) -> dict:
    """The compiled board description.

    Raises:
        ConfigError: missing, damaged, or a board for another kind of node.
    """
    board = _object(read_file("board.json", CONFIG_BYTES), "board.json")
    if board.get("kind") != kind or not isinstance(board.get("parts"), dict):
        raise ConfigError("board.json is not for a " + kind)
    return board


def _object(raw: bytes | None, name: str) -> dict:
    if raw is None:
        raise ConfigError(name + " is missing or too large")
    try:
        value = json.loads(raw)
    except (ValueError, UnicodeError):
        raise ConfigError(name + " is not JSON") from None
    if not isinstance(value, dict):
        raise ConfigError(name + " is not an object")
    return value


def _checked(raw: bytes | None) -> dict:
    config = _object(raw, "config.json")
    for key, low, high in (
        ("latitude_udeg", -90000000, 90000000),
        ("longitude_udeg", -180000000, 180000000),
        ("utc_offset_min", -840, 840),
    ):
        _integer(config, key, low, high)
    config.setdefault("report_s", REPORT_S)
    config.setdefault("backoff_max_s", BACKOFF_MAX_MS // 1000)
    config.setdefault("keepalive_s", KEEPALIVE_S)
    config.setdefault("ack_timeout_s", ACK_TIMEOUT_MS // 1000)
    config.setdefault("measure_ms", MEASURE_MS)
    config.setdefault("good_run_s", GOOD_RUN_S)
    config.setdefault("renew_check_s", RENEW_CHECK_S)
    config.setdefault("first_boot", 1)
    _integer(config, "first_boot", 1, BOOT_MAX)
    _integer(config, "renew_check_s", 1, 86400)
    config.setdefault("awake_s", AWAKE_S)
    # 0 stays awake, as a head on a solar panel may.
    config.setdefault("sleep_s", SLEEP_S if config.get("kind") == "smart_bin" else 0)
    _integer(config, "report_s", 1, 86400)
    _integer(config, "backoff_max_s", 1, BACKOFF_MAX_MS // 1000)
    _integer(config, "keepalive_s", 5, 65535)
    _integer(config, "ack_timeout_s", 1, 600)
    _integer(config, "measure_ms", 100, 600000)
    _integer(config, "good_run_s", 1, 86400)
    _integer(config, "sleep_s", 0, 86400)
    _integer(config, "awake_s", 2, AWAKE_S)
    # How often a gauge reports while its water is high or rises fast.
    config.setdefault("alarm_report_s", ALARM_REPORT_S)
    _integer(config, "alarm_report_s", 1, 86400)
    _lamp(config)
    if not isinstance(config.get("node"), str) or config.get("kind") not in KIND_CODES:
        raise ConfigError("node or kind")
    for key in ("broker", "download"):
        _address(config.get(key), key)
    _check_link(config)
    return config


# Sort of link -> its texts, each with the least and the most characters; None may be missing.
_LINKS = {
    "wifi": {"name": (1, 32), "key": (0, 64)},
    "lan": {},
    "cellular": {"apn": (1, 63), "user": None, "password": None},
}


def _check_link(config: dict) -> None:
    if config.get("ntp") is not None:
        _address(config["ntp"], "ntp")
    sorts = [sort for sort in _LINKS if config.get(sort) is not None]
    if len(sorts) > 1:
        raise ConfigError(" and ".join(sorts))
    for sort in sorts:
        settings = config[sort]
        if not isinstance(settings, dict):
            raise ConfigError(sort)
        for key in settings:
            if key not in _LINKS[sort]:
                raise ConfigError(sort + " " + str(key))
        for key, bounds in _LINKS[sort].items():
            _text(settings.get(key), sort + " " + key, bounds)
    cellular = config.get("cellular")
    # The name goes into a command of the modem.
    if cellular and not all(letter in _APN for letter in cellular["apn"].lower()):
        raise ConfigError("cellular apn")
    if cellular and (cellular.get("user") is None) != (cellular.get("password") is None):
        raise ConfigError("cellular user without password")


_APN = "abcdefghijklmnopqrstuvwxyz0123456789.-_"


def _text(value: object, name: str, bounds: tuple[int, int] | None) -> None:
    if value is None and bounds is None:
        return
    low, high = bounds or (1, 64)
    if not isinstance(value, str) or not low <= len(value) <= high:
        raise ConfigError(name)


def _integer(config: dict, key: str, low: int, high: int) -> None:
    value = config.get(key)
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(key)


def _lamp(config: dict) -> None:
    config.setdefault("spread_s", SPREAD_S)
    config.setdefault("self_test_s", SELF_TEST_S)
    _integer(config, "spread_s", 0, 600)
    _integer(config, "self_test_s", 0, 86400)
    if "lamp_w" in config:
        _integer(config, "lamp_w", 1, 1000)
    # [[burn hours, percent], ..] in order of hours.
    curve = config.get("constant_output", [])
    if not isinstance(curve, list) or len(curve) > OUTPUT_CURVE:
        raise ConfigError("constant_output")
    last_h = -1
    for point in curve:
        if not isinstance(point, list) or len(point) != 2:
            raise ConfigError("constant_output")
        entry = {"constant_output": point[0], "constant_output percent": point[1]}
        _integer(entry, "constant_output", last_h + 1, 1000000)
        _integer(entry, "constant_output percent", 10, 100)
        last_h = point[0]


def _address(value: object, key: str) -> None:
    if not isinstance(value, list) or len(value) != 2:
        raise ConfigError(key)
    if not isinstance(value[0], str) or not 0 < len(value[0]) < 254:
        raise ConfigError(key)
    if type(value[1]) is not int or not 0 < value[1] < 65536:
        raise ConfigError(key)
