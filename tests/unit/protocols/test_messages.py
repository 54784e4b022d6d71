"""Reports, batches and the shadow: round trips, budgets and refusals."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import messages
from protocols.batch import pack_column, unpack_column
from protocols.errors import REASONS, ProtocolError
from protocols.fields import FAULTS, FIELDS, STREETLIGHT, fault_names, named, scaled
from protocols.limits import BATCH_REPORTS, TIME_MAX_S, TIME_MIN_S

DECODERS = [
    messages.decode_report,
    messages.decode_batch,
    messages.decode_event,
    messages.decode_state,
    messages.decode_desired,
    messages.decode_echo,
]
TIMES = st.integers(TIME_MIN_S, TIME_MAX_S)
COUNTERS = st.integers(0, 2**32 - 1)


def rows_of(kind: int) -> st.SearchStrategy[list[int | None]]:
    """Values within the kind's table."""
    columns = [st.none() | st.integers(field[3], field[4]) for field in FIELDS[kind]]
    return st.tuples(*columns).map(list)


@given(st.data(), st.sampled_from(sorted(FIELDS)), COUNTERS, COUNTERS, TIMES)
def test_a_report_comes_back(data: st.DataObject, kind: int, boot: int, seq: int, at: int) -> None:
    values = data.draw(rows_of(kind))
    raw = messages.encode_report(kind, boot, seq, at, values)
    assert messages.decode_report(raw) == (kind, boot, seq, at, values)


@given(st.data(), st.sampled_from(sorted(FIELDS)))
def test_a_batch_comes_back(data: st.DataObject, kind: int) -> None:
    rows = data.draw(st.lists(st.tuples(TIMES, rows_of(kind)), min_size=1, max_size=12))
    raw = messages.encode_batch(kind, 3, 100, rows)
    assert messages.decode_batch(raw) == (kind, 3, 100, rows)


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), min_size=1, max_size=BATCH_REPORTS))
def test_a_column_comes_back(values: list[int | None]) -> None:
    assert unpack_column(pack_column(values), len(values)) == values


@given(st.binary(max_size=300), st.sampled_from(DECODERS))
def test_any_bytes_are_decoded_or_refused_by_name(data: bytes, decoder: Any) -> None:
    try:
        decoder(data)
    except ProtocolError as error:
        assert error.reason in REASONS


@given(st.data(), st.sampled_from(DECODERS))
def test_a_flipped_byte_never_crashes(data: st.DataObject, decoder: Any) -> None:
    values = data.draw(rows_of(STREETLIGHT))
    whole = bytearray(
        messages.encode_batch(STREETLIGHT, 1, 1, [(TIME_MIN_S, values), (TIME_MIN_S + 9, values)])
    )
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoder(bytes(whole))
    except ProtocolError as error:
        assert error.reason in REASONS


def city_readings(step: int) -> dict[str, int | float | None]:
    """A 90 W lamp after ten years, with everything moving a little."""
    return {
        "level_percent": 80,
        "mains_voltage_v": 228.4 + step * 7 % 11 / 10,
        "lamp_current_a": 0.412 + step * 5 % 7 / 1000,
        "lamp_power_w": 92.3 + step * 3 % 9 / 10,
        "power_factor": 0.97,
        "mains_frequency_hz": 50.0 + step % 2 / 10,
        "energy_kwh": 655.0 + step * 0.02,
        "burn_hours_h": 43000 + step // 4,
        "driver_temperature_c": 43 + step % 3,
        "illuminance_lx": 12000 + step * 37 % 101,
        "tilt_deg": 1,
        "rssi_dbm": -71 - step % 4,
        "faults": (1 << len(FAULTS[STREETLIGHT])) - 1 if step == 99 else 0,
        "desired_version": 312,
    }


def test_a_streetlight_report_fits_48_bytes() -> None:
    row = scaled(STREETLIGHT, city_readings(0))
    assert len(row) == 14
    assert len(messages.encode_report(STREETLIGHT, 312, 40210, 1795216349, row)) <= 48


def test_ten_batched_reports_fit_200_bytes() -> None:
    rows = [
        (1795216349 + 900 * step, scaled(STREETLIGHT, city_readings(step))) for step in range(10)
    ]
    assert len(messages.encode_batch(STREETLIGHT, 312, 40210, rows)) <= 200


def test_names_and_units_come_back_on_the_server() -> None:
    readings = city_readings(3)
    back = named(STREETLIGHT, scaled(STREETLIGHT, readings))
    assert back == pytest.approx(readings)  # pyright: ignore[reportUnknownMemberType]


def test_a_reading_beyond_its_range_is_cut_not_lost() -> None:
    row = scaled(STREETLIGHT, {"level_percent": 130, "mains_voltage_v": -4.0})
    assert row[:2] == [100, 0]
    assert row[2:] == [None] * 12


def test_a_reading_nobody_knows_is_a_mistake_of_ours() -> None:
    with pytest.raises(ProtocolError):
        scaled(STREETLIGHT, {"colour": 3})


def test_faults_have_names() -> None:
    assert fault_names(STREETLIGHT, 0b11) == ["lamp_failure", "unexpected_on"]
    assert fault_names(STREETLIGHT, None) == []


def test_a_batch_whose_numbers_would_wrap_is_refused() -> None:
    rows: list[tuple[int, list[int | None]]] = [(TIME_MIN_S, [None] * 14)] * 2
    with pytest.raises(ProtocolError) as caught:
        messages.decode_batch(messages.encode_batch(STREETLIGHT, 1, 2**32 - 1, rows))
    assert caught.value.reason == "out_of_range"
