"""SLIP framing: any packets through any cuts, and noise that never stops the line."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from boards.virtual.chip.slip import SlipDecoder, encode

PACKETS = st.lists(st.binary(min_size=1, max_size=60), max_size=6)


def _fed(decoder: SlipDecoder, data: bytes, cuts: list[int]) -> list[bytes]:
    found: list[bytes] = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        found += decoder.feed(data[start:end])
    return found


@given(PACKETS, st.lists(st.integers(0, 1000), max_size=8))
def test_packets_come_through_however_the_line_cuts_them(
    packets: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(encode(packet) for packet in packets)
    assert _fed(SlipDecoder(100), data, cuts) == packets


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=50))
def test_after_any_noise_a_packet_gets_through_at_the_second_try(
    noise: bytes, packet: bytes
) -> None:
    decoder = SlipDecoder(1000)
    decoder.feed(noise)
    assert packet in decoder.feed(encode(packet) + encode(packet))


@given(st.binary(max_size=300))
def test_no_packet_is_longer_than_the_limit(noise: bytes) -> None:
    for packet in SlipDecoder(16).feed(noise):
        assert 0 < len(packet) <= 16


def test_what_is_too_long_or_wrongly_escaped_is_dropped_and_counted() -> None:
    decoder = SlipDecoder(4)
    assert decoder.feed(encode(b"12345") + encode(b"ok")) == [b"ok"]
    assert decoder.feed(b"\xc0a\xdbb\xc0" + encode(b"ok")) == [b"ok"]
    assert decoder.feed(b"\xc0a\xdb\xc0" + encode(b"ok")) == [b"ok"]
    assert decoder.dropped == 3
