"""encode_row writes what encode writes, only with less work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, encode, encode_row
from protocols.errors import MALFORMED, ProtocolError

# Every head size, both signs, and their edges.
EDGES = [n for width in (0, 5, 8, 16, 24, 30, 31, 32, 63) for n in (1 << width, (1 << width) - 1)]
INTEGERS = st.one_of(
    st.integers(-(1 << 64), (1 << 64) - 1),
    st.integers(-70000, 70000),
    st.sampled_from([*EDGES, *[-n for n in EDGES], 22, 23, 24, 25, -24, -25, -256, -257]),
)


@given(st.lists(st.one_of(st.none(), INTEGERS), max_size=60))
def test_a_row_is_the_same_as_its_array(items: list[int | None]) -> None:
    assert encode_row(items) == encode(items)
    assert decode(encode_row(items)) == items


@pytest.mark.parametrize("edge", [*EDGES, *[-n for n in EDGES], -(1 << 64), (1 << 64) - 1])
def test_every_width_of_integer(edge: int) -> None:
    assert encode_row([edge, None, 0]) == encode([edge, None, 0])


@pytest.mark.parametrize("beyond", [1 << 64, -(1 << 64) - 1, 1 << 80])
def test_more_than_64_bits_are_refused(beyond: int) -> None:
    with pytest.raises(ProtocolError) as refused:
        encode_row([1, beyond])
    assert refused.value.reason == MALFORMED


def test_the_longest_row() -> None:
    assert encode_row([5] * 255) == encode([5] * 255)
