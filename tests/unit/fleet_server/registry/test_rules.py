"""Names, places and the states of a node."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.errors import ConflictError, InvalidError
from fleet_server.registry.rules import (
    NODE_STATES,
    check_id,
    check_kind,
    check_node_id,
    check_place,
    check_text,
    fold,
    next_state,
    slug,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Điện Biên Phủ", "dien bien phu"),
        ("ĐƯỜNG  Trần\tHưng Đạo", "duong tran hung dao"),
        ("Hồ Xuân Hương — Đà Lạt", "ho xuan huong — da lat"),
        ("pk-sl-001", "pk-sl-001"),
        ("", ""),
    ],
)
def test_text_is_folded_as_people_type_it(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=60))
def test_a_slug_is_an_id_or_nothing(text: str) -> None:
    made = slug(text)
    if made:
        check_id(made, "id")


def test_a_name_becomes_an_id() -> None:
    assert slug("Tất cả đèn — Pleiku!") == "tat-ca-den-pleiku"
    assert slug("…") == ""


@pytest.mark.parametrize("value", ["", "A", "a b", "-a", "a" * 41, "điện", "a/b", "a\n"])
def test_bad_ids_are_refused_with_their_place(value: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_id(value, "zones[3].id")
    assert caught.value.field == "zones[3].id" and "zones[3].id" in caught.value.message


@pytest.mark.parametrize("value", ["server-ingest", "x", "a" * 32, "Pk-1", "+", "#", "a/b"])
def test_node_ids_are_those_of_the_wire(value: str) -> None:
    with pytest.raises(InvalidError):
        check_node_id(value, "id")


def test_places_lie_on_the_earth() -> None:
    check_place(13.983, 108.0, "nodes[0]")
    for lat, lon, field in ((91, 0, "lat"), (float("nan"), 0, "lat"), (0, -181, "lon")):
        with pytest.raises(InvalidError) as caught:
            check_place(lat, lon, "nodes[0]")
        assert caught.value.field == f"nodes[0].{field}"


def test_kinds_and_texts() -> None:
    check_kind("reservoir", "kind")
    check_text("Đèn 01", "name")
    for bad in ("", "  ", "x" * 201, "a\x00b", "a\nb"):
        with pytest.raises(InvalidError):
            check_text(bad, "name")
    with pytest.raises(InvalidError, match="streetlight"):
        check_kind("toaster", "kind")


def test_a_node_lives_from_plan_to_scrap_and_may_be_replaced() -> None:
    state = "planned"
    life = ("enrol", "enrol", "first report", "replace", "enrol", "retire", "replace")
    for event in life:
        state = next_state(state, event)
    assert state == "planned"


@given(st.sampled_from(sorted(NODE_STATES)), st.text(max_size=12))
def test_an_event_leads_to_a_known_state_or_is_refused(state: str, event: str) -> None:
    try:
        assert next_state(state, event) in NODE_STATES
    except ConflictError:
        assert event not in NODE_STATES[state]


def test_a_commissioned_node_is_not_enrolled_over() -> None:
    for state in ("commissioned", "retired"):
        with pytest.raises(ConflictError, match=state):
            next_state(state, "enrol")
