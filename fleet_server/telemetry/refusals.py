"""Refused messages: every one counted by its reason, some kept as samples."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleet_server.telemetry import sql

# Beside protocols.errors.REASONS: our own mistake while handling a message.
INTERNAL = "internal"
KEPT = 1000
PER_BATCH = 20
SAMPLE_BYTES = 256
TOPIC_CHARS = 200
DETAIL_CHARS = 200


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it arrived.

    Attributes:
        topic: where to.
        payload: what; empty where the broker kept it.
        denied_to: the client whose publish the broker denied; empty for one that it let through.
    """

    topic: str
    payload: bytes
    denied_to: str = ""


@dataclass(slots=True)
class Refusals:
    """The refusals of one batch."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    samples: list[tuple[Message, str, str]] = field(default_factory=list[tuple[Message, str, str]])

    def add(self, message: Message, reason: str, detail: str) -> None:
        """Counts one; a flood is sampled, the counts tell how many there were."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if len(self.samples) < PER_BATCH:
            self.samples.append((message, reason, detail))

    def write(self, statements: sql.Statements, now_s: int) -> None:
        """Writes counts and samples, and lets the oldest samples go."""
        if not self.counts:
            return
        statements.many(
            sql.INSERT_REFUSED,
            [
                (
                    now_s,
                    _printable(message.topic, TOPIC_CHARS),
                    reason,
                    _printable(detail, DETAIL_CHARS),
                    message.payload[:SAMPLE_BYTES],
                )
                for message, reason, detail in self.samples
            ],
        )
        statements.many(sql.TRIM_REFUSED, [(KEPT,)])
        statements.many(
            sql.COUNT_REFUSED, [(reason, count, now_s) for reason, count in self.counts.items()]
        )


def _printable(text: str, most: int) -> str:
    # A topic may hold anything that UTF-8 can say, also what a database will not take.
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:most])
