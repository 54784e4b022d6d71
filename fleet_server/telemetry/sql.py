"""The ingest's statements: plain SQL that SQLite and PostgreSQL both understand.

No ORM here: it reaches a thirtieth of what the driver does. `?` marks a
parameter; `Statements` renders it in the style of the driver in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

_NEWER = "({0}_boot < ? OR ({0}_boot = ? AND {0}_seq < ?))"

INSERT_REPORT = (
    'INSERT INTO report (node_id, boot, seq, kind, at_s, received_s, "values")'
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node_id, boot, seq) DO NOTHING"
)
INSERT_EVENT = (
    "INSERT INTO event (node_id, boot, seq, kind, at_s, received_s, code, detail)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node_id, boot, seq) DO NOTHING"
)
UPSERT_PRESENCE = (
    "INSERT INTO node_state (node_id, kind, online, last_seen_s, received_s, boot, seq,"
    ' "values", faults, state_boot, state_seq, reported_version, facts,'
    " mains_boot, mains_seq)"
    " VALUES (?, ?, ?, ?, ?, -1, -1, '{}', 0, -1, -1, 0, '{}', -1, -1)"
    " ON CONFLICT (node_id) DO UPDATE SET kind = excluded.kind, online = excluded.online,"
    " last_seen_s = excluded.last_seen_s, received_s = excluded.received_s"
)
SELECT_FACTS = "SELECT node_id, facts FROM node_state WHERE node_id IN ({ids})"
UPDATE_REPORT = (
    'UPDATE node_state SET boot = ?, seq = ?, at_s = ?, "values" = ?, faults = ?'
    " WHERE node_id = ? AND (boot < ? OR (boot = ? AND seq < ?))"
)
UPDATE_STATE = (
    "UPDATE node_state SET state_boot = ?, state_seq = ?, state_at_s = ?, reported_version = ?,"
    " app_version = ?, release_counter = ?, slot = ?, error = ?, facts = ?"
    " WHERE node_id = ? AND " + _NEWER.format("state")
)
UPDATE_MAINS = (
    "UPDATE node_state SET mains_boot = ?, mains_seq = ?, mains = ?"
    " WHERE node_id = ? AND " + _NEWER.format("mains")
)
COMMISSION = "UPDATE node SET state = 'commissioned' WHERE id = ? AND state = 'provisioned'"
INSERT_REFUSED = (
    "INSERT INTO refused_message (received_s, topic, reason, detail, sample) VALUES (?, ?, ?, ?, ?)"
)
TRIM_REFUSED = "DELETE FROM refused_message WHERE id <= (SELECT max(id) FROM refused_message) - ?"
COUNT_REFUSED = (
    "INSERT INTO refused_count (reason, count, last_s) VALUES (?, ?, ?)"
    " ON CONFLICT (reason) DO UPDATE SET count = refused_count.count + excluded.count,"
    " last_s = excluded.last_s"
)


class Statements:
    """Runs the statements on one connection, in its driver's parameter style."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"

    def many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Runs a statement once per row; returns how many rows it changed in all."""
        if not rows:
            return 0
        return self._connection.exec_driver_sql(self._rendered(statement), list(rows)).rowcount

    def run(self, statement: str) -> None:
        """Runs a statement without parameters."""
        self._connection.exec_driver_sql(statement)

    def rows(self, statement: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        found = self._connection.exec_driver_sql(self._rendered(statement), parameters)
        return [tuple(row) for row in found]

    def by_ids(self, statement: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        """The rows of a query whose `{ids}` stands for a list of ids."""
        marks = ", ".join("?" * len(ids))
        return self.rows(statement.replace("{ids}", marks), tuple(ids)) if ids else []

    def _rendered(self, statement: str) -> str:
        return statement if self._mark == "?" else statement.replace("?", self._mark)
