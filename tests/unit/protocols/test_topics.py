"""Topics: only a node's own, well-formed ones are heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import topics
from protocols.errors import WRONG_TOPIC, ProtocolError


@given(st.from_regex(r"[a-z0-9][a-z0-9-]{1,30}", fullmatch=True))
def test_a_node_is_found_in_its_topic(node: str) -> None:
    if node.startswith(topics.RESERVED):
        assert not topics.is_node_id(node)
        return
    assert topics.parse_up(topics.up(node, "report")) == (node, "report")


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        topics.parse_up(text)
    except ProtocolError as error:
        assert error.reason == WRONG_TOPIC


@pytest.mark.parametrize("node", ["", "a", "A1", "a_b", "server-ingest", "-ab", "a" * 32, "é1"])
def test_ids_that_are_not_ids(node: str) -> None:
    assert not topics.is_node_id(node)
