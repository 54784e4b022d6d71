"""The few columns of telemetry's tables that commands read.

Commands and telemetry stand side by side and import nothing of each other; what a node reported
is read here by name, after a restart and where a version must lie above what a node has.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Integer, String, column, table

node_state = table(
    "node_state",
    column("node_id", String),
    column("online", Boolean),
    column("reported_version", Integer),
    column("facts", JSON),
)
event = table(
    "event",
    column("node_id", String),
    column("code", Integer),
    column("received_s", BigInteger),
    column("detail", JSON),
)
