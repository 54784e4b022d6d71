"""From topic and bytes to a checked message: what is good, and every way to be bad."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.telemetry.decode import FUTURE_S, Happening, Reading, Reported, decode
from protocols import messages
from protocols.codec import encode
from protocols.errors import REASONS, ProtocolError
from protocols.fields import STREETLIGHT, scaled
from protocols.limits import UP_BYTES

NOW_S = 1_800_000_000
VALUES = scaled(STREETLIGHT, {"level_percent": 40, "lamp_power_w": 12.5})


def _report(boot: int = 1, seq: int = 2, at_s: int = NOW_S) -> bytes:
    return messages.encode_report(STREETLIGHT, boot, seq, at_s, VALUES)


def test_a_report_is_decoded() -> None:
    decoded = decode("cf1/pk-sl-001/up/report", _report(), NOW_S)
    assert (decoded.node_id, decoded.kind) == ("pk-sl-001", STREETLIGHT)
    assert decoded.content == (Reading(1, 2, NOW_S, VALUES),)


def test_a_batch_becomes_reports_with_numbers_of_their_own() -> None:
    rows = [(NOW_S - 20, VALUES), (NOW_S - 10, VALUES), (NOW_S, VALUES)]
    payload = messages.encode_batch(STREETLIGHT, 7, 100, rows)
    decoded = decode("cf1/pk-sl-001/up/batch", payload, NOW_S)
    assert [(item.boot, item.seq, item.at_s) for item in decoded.content] == [
        (7, 100, NOW_S - 20),
        (7, 101, NOW_S - 10),
        (7, 102, NOW_S),
    ]


def test_a_state_and_an_event_are_decoded() -> None:
    state = messages.encode_state(STREETLIGHT, 1, 3, NOW_S, 12, {"app": "1.0.0"})
    assert decode("cf1/pk-sl-001/up/state", state, NOW_S).content == (
        Reported(1, 3, NOW_S, 12, {"app": "1.0.0"}),
    )
    event = messages.encode_event(STREETLIGHT, 1, 4, NOW_S, messages.LAST_GASP, {})
    assert decode("cf1/pk-sl-001/up/event", event, NOW_S).content == (
        Happening(1, 4, NOW_S, messages.LAST_GASP, {}),
    )


def test_a_last_will_happened_when_the_broker_spoke_it() -> None:
    will = messages.encode_event(STREETLIGHT, 1, 0, NOW_S - 5000, messages.OFFLINE, {})
    (item,) = decode("cf1/pk-sl-001/up/event", will, NOW_S).content
    assert item.at_s == NOW_S


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("cf1/pk-sl-001/up/report", b"", "truncated"),
        ("cf1/pk-sl-001/up/report", _report()[:-1], "truncated"),
        ("cf1/pk-sl-001/up/report", _report() + b"\x00", "malformed"),
        ("cf1/pk-sl-001/up/report", encode([2, *range(20)]), "wrong_version"),
        ("cf1/pk-sl-001/up/report", encode([1, 99, 1, 1, NOW_S]), "unknown_kind"),
        ("cf1/pk-sl-001/up/report", _report(at_s=NOW_S + FUTURE_S + 1), "out_of_range"),
        ("cf1/pk-sl-001/up/report", bytes(UP_BYTES + 1), "oversized"),
        ("cf1/pk-sl-001/up/rapport", _report(), "wrong_topic"),
        ("cf1/server-x/up/report", _report(), "wrong_topic"),
        ("cf1/pk-sl-001/down/report", _report(), "wrong_topic"),
        ("cf1/pk-sl-001/up", _report(), "wrong_topic"),
        ("", b"", "wrong_topic"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_name(
    topic: str, payload: bytes, reason: str
) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(topic, payload, NOW_S)
    assert caught.value.reason == reason


def test_a_clock_that_is_a_little_ahead_is_no_fault() -> None:
    assert decode("cf1/pk-sl-001/up/report", _report(at_s=NOW_S + FUTURE_S), NOW_S)


_CHANNELS = st.sampled_from(["report", "batch", "event", "state"])


@given(topic=st.text() | st.builds("cf1/pk-sl-001/up/{}".format, _CHANNELS), data=st.binary())
def test_any_bytes_on_any_topic_are_refused_by_a_known_reason(topic: str, data: bytes) -> None:
    _decode_or_refuse(topic, data)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=40,
)


@given(channel=_CHANNELS, items=st.lists(_VALUES, max_size=25), kind=st.integers(0, 5))
def test_any_array_that_looks_like_a_message_is_refused_or_whole(
    channel: str, items: list[object], kind: int
) -> None:
    try:
        data = encode([1, kind, 1, 1, NOW_S, *items])
    except ProtocolError:
        return
    _decode_or_refuse(f"cf1/pk-sl-001/up/{channel}", data)


@given(
    data=st.sampled_from(
        [
            ("report", _report()),
            ("batch", messages.encode_batch(STREETLIGHT, 1, 1, [(NOW_S, VALUES)] * 5)),
            ("event", messages.encode_event(STREETLIGHT, 1, 1, NOW_S, 1, {"a": 1})),
            ("state", messages.encode_state(STREETLIGHT, 1, 1, NOW_S, 1, {"app": "1"})),
        ]
    ),
    position=st.integers(0, 200),
    byte=st.integers(0, 255),
)
def test_one_wrong_byte_never_raises_anything_else(
    data: tuple[str, bytes], position: int, byte: int
) -> None:
    channel, good = data
    bad = bytearray(good)
    bad[position % len(bad)] = byte
    _decode_or_refuse(f"cf1/pk-sl-001/up/{channel}", bytes(bad))


def _decode_or_refuse(topic: str, data: bytes) -> None:
    try:
        decoded = decode(topic, data, NOW_S)
    except ProtocolError as error:
        assert error.reason in REASONS
    else:
        assert decoded.content
