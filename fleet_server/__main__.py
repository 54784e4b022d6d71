"""The server's own command line; operators mostly use `cityfleet`.

    python -m fleet_server init --data DIR [--json]
    python -m fleet_server broker-config --data DIR --broker-port 8883
    python -m fleet_server broker --data DIR
    python -m fleet_server password --data DIR --user admin [--json]
    python -m fleet_server run --data DIR --http-port 8080 --node-port 8443 --broker-port 8883

Known errors are one line and exit status 2.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import sys
from pathlib import Path

from fleet_server.errors import FleetError
from fleet_server.settings import Settings, load


def main(arguments: list[str] | None = None) -> int:
    """Runs one verb; returns the exit status."""
    # What loading makes lives as long as the process; looking through it for garbage
    # again and again would be a fifth of the start. `_run` turns the collector on.
    gc.disable()
    chosen = _parser().parse_args(arguments)
    # New files of the data folder are for their owner alone, also those of libraries.
    os.umask(0o077)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    # Alembic, aiomqtt and uvicorn tell a lot that helps nobody at two in the morning.
    for name in ("alembic", "uvicorn.error", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        settings = load(chosen.data, vars(chosen), os.environ)
        return chosen.verb_function(settings, chosen)
    except FleetError as error:
        print(f"fleet_server: {error.message}", file=sys.stderr)
        return 2
    finally:
        # The interpreter's last collection would look through every module, for half a
        # second and more; what is alive now ends with the process.
        gc.freeze()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fleet_server", description="The fleet server.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, required=True, help="the data folder")
    shared.add_argument("--host", help="address to listen on (127.0.0.1)")
    shared.add_argument("--advertised-host", help="where nodes are told to find the server")
    shared.add_argument("--http-port", type=int, help="screens and API (8080; 0: any free one)")
    shared.add_argument("--node-port", type=int, help="downloads of nodes (8443; 0: any free one)")
    shared.add_argument("--broker-port", "--port", type=int, help="the broker's TLS port (8883)")
    shared.add_argument("--clock", help="real_ref,city_ref,speed: a city clock of its own")
    shared.add_argument("--database-url", help="another database than SQLite in the data folder")
    shared.add_argument("--outage-confirm-s", type=int, help="real seconds before an outage counts")
    shared.add_argument("--restore-hold-s", type=int, help="real seconds before it is over")
    shared.add_argument(
        "--allow-unverified-releases",
        action="store_const",
        const=True,
        help="demo only: take releases that no trusted key signed",
    )
    for name, function, text in (
        ("init", _init, "make what is missing: database, CA, broker folder, administrator"),
        ("broker-config", _broker_config, "write mosquitto.conf and its access list"),
        ("broker", _broker, "be the Mosquitto broker, and tell the server what it denies"),
        ("password", _password, "give a user a new generated password and end their logins"),
        ("run", _run, "serve until SIGTERM or SIGINT"),
    ):
        verb = verbs.add_parser(name, parents=[shared], help=text)
        verb.set_defaults(verb_function=function)
        if name == "broker":
            verb.add_argument("--program", default="mosquitto", help="Mosquitto 2 (from PATH)")
        if name in ("init", "password"):
            verb.add_argument("--json", action="store_true", help="print one JSON object")
        if name == "password":
            verb.add_argument("--user", default="admin", help="whose (admin)")
    return parser


def _init(settings: Settings, chosen: argparse.Namespace) -> int:
    from fleet_server.setup import initialise

    password = initialise(settings)
    if chosen.json:
        print(json.dumps({"username": "admin", "password": password}))
    elif password is None:
        print("Ready; the administrator is there already.")
    else:
        print(f"Ready. First login: admin, password: {password}")
    return 0


def _broker_config(settings: Settings, _: argparse.Namespace) -> int:
    from fleet_server.adapters.mosquitto import write_config

    print(write_config(settings, settings.broker_port))
    return 0


def _broker(settings: Settings, chosen: argparse.Namespace) -> int:
    from fleet_server.adapters.broker_log import become_broker
    from fleet_server.adapters.mosquitto import config_path

    become_broker(chosen.program, config_path(settings))
    return 0


def _password(settings: Settings, chosen: argparse.Namespace) -> int:
    from fleet_server.setup import new_password

    password = new_password(settings, chosen.user)
    if chosen.json:
        print(json.dumps({"username": chosen.user, "password": password}))
    else:
        print(f"New password of {chosen.user}: {password}")
    return 0


def _run(settings: Settings, _: argparse.Namespace) -> int:
    from fleet_server.main import run

    gc.freeze()
    gc.enable()
    return run(settings)


if __name__ == "__main__":
    sys.exit(main())
