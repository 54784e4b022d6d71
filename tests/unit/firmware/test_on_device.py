"""The firmware's parts on the real MicroPython, 64 and 32 bits: one program each in device/."""

import json
import random
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.net import mqtt
from tests.unit.firmware.lab.authority import Authority
from tests.unit.firmware.runner import ROOT, RUNTIMES, run_device

both = pytest.mark.parametrize("runtime", RUNTIMES)


@both
def test_storage_clock_outbox_shadow_and_counters(runtime: str, tmp_path: Path) -> None:
    run_device("core_parts", runtime, tmp_path).check()


@both
def test_a_lamp_follows_a_year_of_evenings(runtime: str, tmp_path: Path) -> None:
    results = run_device("lamp_year", runtime, tmp_path)
    results.check()
    assert results.values["every_evening_of_a_year_switches_at_sunset_and_sunrise"] == 366


@both
def test_a_lamp_is_judged_by_its_meter(runtime: str, tmp_path: Path) -> None:
    run_device("lamp_judgement", runtime, tmp_path).check()


@both
def test_dali_gear_and_pulse_meter_are_understood(runtime: str, tmp_path: Path) -> None:
    run_device("dali", runtime, tmp_path, kind="streetlight_dali").check()


@both
def test_a_bin_knows_what_echoes_mean_and_what_it_left_itself(runtime: str, tmp_path: Path) -> None:
    run_device("bin_rules", runtime, tmp_path).check()


@both
def test_the_bootstrap_chooses_the_right_slot(runtime: str, tmp_path: Path) -> None:
    boot = str(ROOT / "firmware" / "boot")
    run_device("bootstrap", runtime, tmp_path, boot, kind="streetlight").check()


@both
@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("drivers", "streetlight"),
        ("drivers", "smart_bin"),
        ("station_drivers", "greenhouse"),
        ("station_drivers", "reservoir"),
    ],
)
def test_drivers_understand_their_parts(
    runtime: str, program: str, kind: str, tmp_path: Path
) -> None:
    run_device(program, runtime, tmp_path, kind, kind=kind).check()


@both
def test_modbus_is_spoken_whatever_the_line_does(runtime: str, tmp_path: Path) -> None:
    uart = {"baud": 9600, "tx": 17, "rx": 16, "direction": 4}
    meter = {"part": "sdm630", "bus": "uart2"}
    board = {
        "buses": {"uart2": uart},
        "parts": {"meter": {**meter, "address": 1}, "second": {**meter, "address": 2}},
    }
    (tmp_path / "board.json").write_text(json.dumps(board))
    run_device("modbus", runtime, tmp_path).check()


@both
def test_a_cabinets_contacts_and_voltages_are_judged(runtime: str, tmp_path: Path) -> None:
    run_device("cabinet_rules", runtime, tmp_path).check()


@both
def test_a_cabinets_parts_do_what_their_simulators_do(runtime: str, tmp_path: Path) -> None:
    run_device("cabinet_parts", runtime, tmp_path, kind="control_cabinet").check()


@both
def test_tasks_are_supervised_and_answers_judged(runtime: str, tmp_path: Path) -> None:
    run_device("supervision", runtime, tmp_path).check()


@both
def test_a_cut_in_any_write_of_a_download_leaves_no_half_image(
    runtime: str, tmp_path: Path
) -> None:
    results = run_device("download_cuts", runtime, tmp_path)
    results.check()
    assert results.values["a_cut_in_any_write_is_survived"]["cuts"] == 40


@both
def test_identities_survive_cuts_and_requests_are_those_of_the_standards(
    runtime: str, tmp_path: Path
) -> None:
    (tmp_path / "certificates.json").write_text(json.dumps(_certificates()))
    results = run_device("identity_parts", runtime, tmp_path)
    results.check()
    made = results.values["keys_are_made_in_short_steps_and_any_chance_alone_makes_another"]
    for key_hex, request_hex in made:
        key = serialization.load_der_private_key(bytes.fromhex(key_hex), None)
        request = x509.load_der_x509_csr(bytes.fromhex(request_hex))
        assert request.is_signature_valid
        assert request.public_key() == key.public_key()
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert isinstance(key.curve, ec.SECP256R1)


def _certificates() -> list[dict[str, Any]]:
    """Certificates with the dates that another reader finds in them; the last one is of 2060."""
    authority = Authority()
    vectors: list[dict[str, Any]] = []
    for days in (1, 825, 34 * 365):
        certificate = authority.issue("t-node", days=days).certificate
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        der = certificate.public_bytes(serialization.Encoding.DER)
        dates = {"first_s": int(first.timestamp()), "last_s": int(last.timestamp())}
        vectors.append({"der": der.hex(), **dates})
    return vectors


@both
def test_mqtt_streams_mean_the_same_however_they_are_cut(runtime: str, tmp_path: Path) -> None:
    vectors = _mqtt_vectors(seed=1)
    (tmp_path / "vectors.json").write_text(json.dumps(vectors))
    results = run_device("mqtt_core", runtime, tmp_path)
    results.check()
    case = "streams_give_the_same_events_however_they_are_cut"
    assert results.values[case] == len(vectors)


def _mqtt_vectors(seed: int) -> list[dict[str, Any]]:
    """Streams of packets, whole and damaged, with the events that CPython finds in one piece."""
    chance = random.Random(seed)
    vectors: list[dict[str, Any]] = []
    for number in range(300):
        stream = b"".join(_packet(chance) for _ in range(chance.randint(1, 5)))
        if number % 3 == 2:
            damaged = bytearray(stream)
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
            stream = bytes(damaged)
        cuts = sorted(chance.randrange(len(stream) + 1) for _ in range(chance.randint(0, 8)))
        cap = chance.choice((20, 60, 4096))
        events = _events(stream, cap)
        vectors.append({"stream": stream.hex(), "cuts": cuts, "cap": cap, "events": events})
    return vectors


def _packet(chance: random.Random) -> bytes:
    sort = chance.randrange(6)
    if sort == 0:
        return bytes((0x20, 2, chance.randrange(2), chance.randrange(6)))
    if sort == 1:
        return mqtt.puback_packet(chance.randrange(1, 5))
    if sort == 2:
        return bytes((0x90, 4, 0, 1, 1, chance.choice((0, 1, 0x80))))
    if sort == 3:
        return b"\xd0\x00"
    payload = chance.randbytes(chance.choice((0, 3, 50, 200)))
    topic = "cf1/pk-sl-001/down/" + chance.choice(("desired", "echo"))
    packet = bytearray(mqtt.publish_packet(topic, payload, chance.randrange(1, 65536), False))
    packet[0] = chance.choice((0x32, 0x33, 0x3B))
    return bytes(packet)


def _events(stream: bytes, cap: int) -> Any:
    try:
        events = mqtt.MqttCore(cap).feed(stream)
    except mqtt.MqttError:
        return "error"
    return [[_plain(part) for part in event] for event in events]


def _plain(part: Any) -> Any:
    if isinstance(part, bytes):
        return part.hex()
    return list(cast("tuple[int, ...]", part)) if isinstance(part, tuple) else part
