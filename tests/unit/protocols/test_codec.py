"""CBOR: what goes in comes out, and no bytes crash the reader."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import REASONS, ProtocolError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.text("abcxyz", max_size=4) | st.integers(0, 300), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_every_value_comes_back(value: Any) -> None:
    try:
        data = encode(value)
    except ProtocolError as error:
        assert error.detail == "nested too deep"
        return
    assert decode(data) == value
    assert encode(decode(data)) == data


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused_by_name(data: bytes) -> None:
    try:
        value = decode(data)
    except ProtocolError as error:
        assert error.reason in REASONS
    else:
        # One value has one encoding: what was read writes the same bytes, but for map order.
        assert decode(encode(value)) == value


@given(VALUES, st.data())
def test_every_cut_is_refused(value: Any, data: st.DataObject) -> None:
    try:
        whole = encode(value)
    except ProtocolError:
        return
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ProtocolError):
        decode(whole[:cut])


def test_equal_maps_give_equal_bytes() -> None:
    assert encode({"b": 1, "a": 2}) == encode({"a": 2, "b": 1})


@pytest.mark.parametrize("value", [1.5, object(), {None: 1}, {True: 1}, 1 << 64])
def test_what_the_contract_has_no_word_for_is_refused(value: Any) -> None:
    with pytest.raises(ProtocolError):
        encode(value)
