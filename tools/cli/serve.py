"""`cityfleet serve`: runs the fleet server and nothing else."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command to the top level."""
    app.command()(serve)


def serve(
    data: Annotated[Path, typer.Option(help="Folder of the server's data, made by: init.")],
    http_port: Annotated[int, typer.Option(help="Port of screens and API.")] = 8080,
    node_port: Annotated[int, typer.Option(help="Port from which nodes download.")] = 8443,
    broker_port: Annotated[int, typer.Option(help="Port of the broker, MQTT over TLS.")] = 8883,
    init: Annotated[
        bool, typer.Option("--init", help="First make the data folder; prints the first login.")
    ] = False,
) -> None:
    """Run the fleet server in the foreground; the broker runs beside it.

    Example: cityfleet serve --data /var/lib/cityfleet
    """
    import subprocess

    server = [sys.executable, "-m", "fleet_server"]
    if init:
        made = subprocess.run([*server, "init", "--data", str(data)], check=False)
        if made.returncode:
            raise typer.Exit(made.returncode)
    ports = ("--http-port", http_port, "--node-port", node_port, "--broker-port", broker_port)
    # Becomes the server, so that signals of a service manager reach it directly.
    os.execv(sys.executable, [*server, "run", "--data", str(data), *map(str, ports)])
