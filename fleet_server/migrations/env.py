"""Alembic's entry: migrates the connection that `adapters/schema.py` hands over."""

from typing import Any, Literal

from alembic import context
from sqlmodel.sql.sqltypes import AutoString

from fleet_server.tables import metadata


def render_item(kind: str, item: Any, _autogenerate_context: Any) -> str | Literal[False]:
    """Writes SQLModel's own string type as the plain one that it is."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite cannot alter most things of a table in place.
    render_as_batch=True,
    compare_type=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
