"""Writes a new migration from the difference between the models and the migrations so far.

python -m fleet_server.migrations "Add the schedules"
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from fleet_server.adapters.database import SqlDatabase
from fleet_server.adapters.schema import alembic_config, upgrade


def main(arguments: list[str]) -> int:
    """Writes the file, prints its path."""
    if len(arguments) != 1 or not arguments[0].strip():
        print('usage: python -m fleet_server.migrations "What changed"', file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        database = SqlDatabase(f"sqlite:///{Path(folder) / 'empty.db'}")
        upgrade(database)
        with database.engine.begin() as connection:
            command.revision(
                alembic_config(connection),
                message=arguments[0],
                autogenerate=True,
                rev_id=_next_number(),
            )
        database.close()
    ruff = Path(sys.prefix) / "bin" / "ruff"
    subprocess.run([ruff, "format", "-q", Path(__file__).parent / "versions"], check=True)
    return 0


def _next_number() -> str:
    folder = Path(__file__).parent / "versions"
    numbers = [int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.py")]
    return f"{max(numbers, default=0) + 1:04d}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
