"""The demo's programs: their argument lists, their settings, and the order that the bench gets."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.demo.clock import CityClock
from tools.demo.district import Place
from tools.demo.folder import DemoFolder
from tools.demo.ports import Ports
from tools.errors import DemoError
from tools.files import write_json
from tools.release.work import REPOSITORY

BROKER = "broker"
SERVER = "fleet server"
BENCH = "bench"
# Shorter than in a city, where 30 s and 10 s are usual: nobody wants to wait that long here.
OUTAGE_CONFIRM_S = 5
RESTORE_HOLD_S = 3
# The login of the demo's commands must not expire while the demo runs.
SESSION_S = 30 * 86400
SEED = 20210701
VERB_TIMEOUT_S = 60
VERB_LINES = 8
_SERIES = REPOSITORY / "boards" / "virtual" / "data"
_PROGRAMS = Path(sys.prefix) / "bin"
CITYFLEET = _PROGRAMS / "cityfleet"


def check_set_up() -> None:
    """Checks that the programs that set-up installs are there.

    Raises:
        DemoError: naming the one that is missing.
    """
    for program in ("mosquitto", "micropython"):
        if not (_PROGRAMS / program).exists():
            raise DemoError(f"{program} is not set up in this checkout; run: make setup")


def environment() -> dict[str, str]:
    """The environment of the demo's processes: nothing of another fleet server's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CITYFLEET_")}
    return {
        **kept,
        "CITYFLEET_OUTAGE_CONFIRM_S": str(OUTAGE_CONFIRM_S),
        "CITYFLEET_RESTORE_HOLD_S": str(RESTORE_HOLD_S),
        "CITYFLEET_SESSION_S": str(SESSION_S),
        # So that one can see a node refuse what a careless server would offer.
        "CITYFLEET_ALLOW_UNVERIFIED_RELEASES": "1",
    }


def broker_command(folder: DemoFolder) -> list[str]:
    """Mosquitto with the configuration that the fleet server wrote, its log read by the server."""
    return _server(folder, "broker", "--program", str(_PROGRAMS / "mosquitto"))


def server_command(folder: DemoFolder, ports: Ports, clock: CityClock) -> list[str]:
    """The fleet server."""
    pairs = (
        ("--http-port", str(ports.http)),
        ("--node-port", str(ports.node)),
        ("--broker-port", str(ports.broker)),
        ("--clock", clock.argument()),
    )
    return _server(folder, "run", *(word for pair in pairs for word in pair))


def bench_command(folder: DemoFolder) -> list[str]:
    """The virtual bench that runs the nodes."""
    return [sys.executable, "-m", "boards.virtual", "--bench", str(folder.bench)]


def init_server(folder: DemoFolder) -> dict[str, Any]:
    """Makes what the fleet server is missing; the administrator's password if it was made now.

    Raises:
        DemoError: it failed; with its last words.
    """
    return json.loads(_run_verb(folder, "init", "--json"))


def new_password(folder: DemoFolder) -> dict[str, Any]:
    """Gives the administrator a new password, as `username` and `password`. Raises the same."""
    return json.loads(_run_verb(folder, "password", "--json"))


def configure_broker(folder: DemoFolder, ports: Ports) -> None:
    """Writes the broker's configuration for the port of this run. Raises the same."""
    _run_verb(folder, "broker-config", "--port", str(ports.broker))


def write_bench(
    folder: DemoFolder, places: Sequence[Place], ports: Ports, clock: CityClock
) -> None:
    """Writes the bench's order: clock, nodes, control line, series, logs."""
    order: dict[str, Any] = {
        "clock": {
            "real_ref_s": clock.real_ref_s,
            "city_ref_s": clock.city_ref_s,
            "speed": clock.speed,
        },
        "seed": SEED,
        "control_port": ports.control,
        "control_secret_file": str(folder.control_secret),
        "series": {
            "greenhouse": str(_SERIES / "greenhouse.csv"),
            "river": str(_SERIES / "river.csv"),
        },
        "log_folder": str(folder.node_logs),
        "nodes": [
            {
                "id": place.id,
                "folder": str(folder.node(place.id)),
                "kind": place.kind,
                "feeder": place.feeder,
                "cabinet": place.cabinet,
            }
            for place in places
        ],
    }
    folder.node_logs.mkdir(parents=True, exist_ok=True)
    write_json(folder.bench, order)


def _run_verb(folder: DemoFolder, verb: str, *arguments: str) -> str:
    command = _server(folder, verb, *arguments)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=VERB_TIMEOUT_S,
            check=False,
            cwd=REPOSITORY,
            env=environment(),
            stdin=subprocess.DEVNULL,
            # Ctrl-C is for us alone; a verb is short and ends by itself.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"fleet_server {verb} did not end in {VERB_TIMEOUT_S} s") from error
    if done.returncode:
        words = "\n  | ".join((done.stderr or done.stdout).strip().splitlines()[-VERB_LINES:])
        raise DemoError(f"fleet_server {verb} failed:\n  | {words}")
    return done.stdout


def _server(folder: DemoFolder, verb: str, *arguments: str) -> list[str]:
    data = str(folder.server)
    return [sys.executable, "-m", "fleet_server", verb, "--data", data, *arguments]
