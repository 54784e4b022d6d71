"""MQTT topics: who may speak where.

`cf1/<node>/up/<channel>` is written by the node, `cf1/<node>/down/<channel>`
by the server. The broker holds node N to N's own topics; the server still
checks, because a broker's access list is a file that somebody may edit.
"""

from protocols.errors import WRONG_TOPIC, ProtocolError
from protocols.limits import NODE_ID_CHARS

PREFIX = "cf1"
UP_CHANNELS = ("report", "batch", "event", "state")
DOWN_CHANNELS = ("desired", "echo", "certificate")
ALL_UP = PREFIX + "/+/up/#"
ALL_DOWN = PREFIX + "/+/down/#"

# The server's own identities on the broker start with this; no node may.
RESERVED = "server-"

_FIRST = "abcdefghijklmnopqrstuvwxyz0123456789"
_REST = _FIRST + "-"


def is_node_id(text: str) -> bool:
    """Whether `text` may name a node: 2 to 31 of a-z, 0-9 and '-', not 'server-...'."""
    if not 2 <= len(text) <= NODE_ID_CHARS or text.startswith(RESERVED):
        return False
    return text[0] in _FIRST and all(character in _REST for character in text)


def up(node: str, channel: str) -> str:
    """The topic on which `node` publishes `channel`."""
    return PREFIX + "/" + node + "/up/" + channel


def down(node: str, channel: str) -> str:
    """The topic on which the server reaches `node`."""
    return PREFIX + "/" + node + "/down/" + channel


def parse_up(topic: str) -> tuple[str, str]:
    """Splits a node's topic into (node, channel).

    Raises:
        ProtocolError: wrong_topic.
    """
    parts = topic.split("/")
    if len(parts) != 4 or parts[0] != PREFIX or parts[2] != "up":
        raise ProtocolError(WRONG_TOPIC, "not a node's topic")
    if parts[3] not in UP_CHANNELS:
        raise ProtocolError(WRONG_TOPIC, "unknown channel")
    if not is_node_id(parts[1]):
        raise ProtocolError(WRONG_TOPIC, "not a node id")
    return parts[1], parts[3]
