"""A real fleet server as a process of its own, for tests of what talks to it over HTTP.

    with fleet_process(tmp_path / "server") as server:
        FleetClient(server.address, server.log_in())

No broker runs beside it: it retries in vain, which does not matter to registry and enrolment.
"""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

VERB_TIMEOUT_S = 60
END_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class FleetProcess:
    """A server that runs.

    Attributes:
        address: of screens and API.
        data: its data folder.
        password: of the user `admin`.
    """

    address: str
    data: Path
    password: str

    def log_in(self, user: str = "admin", password: str = "") -> str:
        """A token."""
        body = {"username": user, "password": password or self.password}
        answer = httpx.post(f"{self.address}/api/v1/login", json=body, trust_env=False)
        answer.raise_for_status()
        return str(answer.json()["token"])


@contextmanager
def fleet_process(data: Path, **settings: str) -> Generator[FleetProcess]:
    """Prepares a data folder, serves on free ports, and ends the server after the block.

    Args:
        data: a folder that is made.
        settings: values of CITYFLEET_* by lower-case name.
    """
    environment = {key: value for key, value in os.environ.items() if "CITYFLEET" not in key}
    environment |= {f"CITYFLEET_{key.upper()}": value for key, value in settings.items()}
    first = _verb(data, environment, "init", "--json")
    command = _command(data, "run", "--http-port", "0", "--node-port", "0", "--broker-port", "1")
    log = data.parent / f"{data.name}.log"
    with (
        log.open("ab") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment) as server,
    ):
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line, f"the server ended at once:\n{log.read_text()}"
            ports = json.loads(line)
            address = f"http://127.0.0.1:{ports['http_port']}"
            yield FleetProcess(address, data, str(first["password"]))
        finally:
            server.terminate()
            try:
                server.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                server.kill()
                raise


def _command(data: Path, verb: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "fleet_server", verb, "--data", str(data), *arguments]


def _verb(data: Path, environment: dict[str, str], verb: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        _command(data, verb, *arguments),
        capture_output=True,
        text=True,
        timeout=VERB_TIMEOUT_S,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
