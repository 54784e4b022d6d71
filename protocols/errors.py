"""The one error of the wire contract, and the reasons it may carry.

A reason is a stable word: it is counted by the server, shown to the operator
and reported by the node, so it never changes its meaning.
"""

TRUNCATED = "truncated"
MALFORMED = "malformed"
WRONG_VERSION = "wrong_version"
UNKNOWN_KIND = "unknown_kind"
OUT_OF_RANGE = "out_of_range"
OVERSIZED = "oversized"
WRONG_TOPIC = "wrong_topic"
WRONG_NODE = "wrong_node"

REASONS = (
    TRUNCATED,
    MALFORMED,
    WRONG_VERSION,
    UNKNOWN_KIND,
    OUT_OF_RANGE,
    OVERSIZED,
    WRONG_TOPIC,
    WRONG_NODE,
)


class ProtocolError(Exception):
    """A message, topic or calendar breaks the contract; it is the sender's fault.

    Attributes:
        reason: one of REASONS.
        detail: where and why, for a person; never the payload itself.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.reason + ": " + self.detail if self.detail else self.reason
