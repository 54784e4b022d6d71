"""Joins the commands into `cityfleet` and turns known errors into one line.

Leaves everything else to the modules of the nouns. This one must stay quick to import.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tools.cli import (
    access,
    alarms,
    commands,
    demo,
    groups,
    nodes,
    overrides,
    programs,
    provision,
    records,
    releases,
    rollouts,
    rules,
    schedules,
    serve,
)
from tools.cli.session import chosen
from tools.errors import ToolError

KNOWN_ERROR_STATUS = 2
INTERRUPTED_STATUS = 130

app = typer.Typer(
    name="cityfleet",
    help=(
        "Looks after a city's fleet of streetlights, cabinets, bins, greenhouses and gauges.\n\n"
        "Start with: cityfleet demo start, or: cityfleet login --server https://fleet.example"
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def choose(
    server: Annotated[
        str | None,
        typer.Option(help="Address of the fleet server (or CITYFLEET_SERVER)."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the login (or CITYFLEET_TOKEN_FILE)."),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(help="CA certificate of the server, where the system does not know it."),
    ] = None,
) -> None:
    """Options before the command's name choose the server and the login."""
    chosen.server = server
    chosen.token_file = token_file
    chosen.ca_file = ca_file


access.register(app)
app.add_typer(nodes.app, name="nodes")
app.add_typer(groups.app, name="groups")
app.add_typer(programs.app, name="programs")
app.add_typer(schedules.app, name="schedule")
app.add_typer(overrides.app, name="override")
app.add_typer(rules.app, name="rules")
app.add_typer(commands.app, name="commands")
app.add_typer(alarms.app, name="alarms")
app.add_typer(releases.app, name="release")
app.add_typer(rollouts.app, name="rollout")
app.add_typer(provision.app, name="node")
app.add_typer(demo.app, name="demo")
records.register(app)
serve.register(app)


def main() -> None:
    """Runs one command; the entry point of the console script."""
    try:
        app()
    except ToolError as error:
        _last_words(f"cityfleet: {error}")
        sys.exit(KNOWN_ERROR_STATUS)
    except KeyboardInterrupt:
        _last_words("")
        sys.exit(INTERRUPTED_STATUS)
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has seen enough. Python would complain once more
        # when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _last_words(text: str) -> None:
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        # The terminal is gone; the exit status still tells.
        sys.stderr = None


if __name__ == "__main__":
    main()
