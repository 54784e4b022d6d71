"""The server is killed under load, again and again: nothing is lost, nothing stored twice."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from fleet_server.adapters.database import SqlDatabase
from fleet_server.settings import Settings
from protocols import messages
from protocols.fields import STREETLIGHT, scaled
from tests.support.broker import Broker, connected, running_broker, wait_for
from tests.support.data_folder import data_folder, database_of, make_identity, register_nodes
from tests.support.ports import free_port

LAMPS = ("pk-sl-001", "pk-sl-002", "pk-sl-003", "pk-sl-004")
KILLS = 5
READY_S = 20.0
# How long a server lives: some are killed in their start, some in the middle of their work.
LIFE_S = (0.2, 1.5)
PAUSE_S = 0.005
# The longest silence of an ingest that has work and little of a processor.
QUIET_S = 5.0


class Lamp(threading.Thread):
    """Reports without a pause; notes which reports the broker has acknowledged."""

    def __init__(self, settings: Settings, broker: Broker, name: str) -> None:
        super().__init__(name=name)
        self.acknowledged = 0
        self._identity = make_identity(settings, name)
        self._broker = broker
        self._ending = threading.Event()

    def run(self) -> None:
        values = scaled(STREETLIGHT, {"level_percent": 70, "lamp_power_w": 35.5})
        with connected(self._broker, self._identity) as node:
            while not self._ending.is_set():
                payload = messages.encode_report(
                    STREETLIGHT, 1, self.acknowledged, int(time.time()), values
                )
                node.publish(f"cf1/{self.name}/up/report", payload)
                self.acknowledged += 1
                self._ending.wait(PAUSE_S)

    def end(self) -> None:
        self._ending.set()
        self.join(20)


def test_a_server_killed_under_load_loses_nothing_and_stores_nothing_twice(tmp_path: Path) -> None:
    settings = data_folder(tmp_path / "data", free_port())
    chance = random.Random(2026)
    with database_of(settings) as database, running_broker(settings) as broker:
        register_nodes(database, *LAMPS)
        # Once in order, so that the broker holds a session for the server from then on.
        with serving(settings) as server:
            _wait_ready(server)
        lamps = [Lamp(settings, broker, name) for name in LAMPS]
        for lamp in lamps:
            lamp.start()
        stored: list[int] = []
        try:
            for _ in range(KILLS):
                with serving(settings) as server:
                    assert server.stdout is not None and server.stdout.readline()
                    time.sleep(chance.uniform(*LIFE_S))
                    server.kill()
                stored.append(_count(database))
        finally:
            for lamp in lamps:
                lamp.end()
        sent = {lamp.name: lamp.acknowledged for lamp in lamps}
        assert stored[0] < stored[-1] < sum(sent.values()), "the kills must fall into the work"
        with serving(settings) as server:
            _wait_ready(server)
            # As long as more keeps coming, a slow machine is no failure.
            before = -1
            while (now := _count(database)) > before and _missing(database, sent):
                before = now
                time.sleep(QUIET_S)
            assert _missing(database, sent) == {}
            server.terminate()
            assert server.wait(5) == 0
        for name, count in sent.items():
            assert _seqs(database, name) == list(range(count))
        assert _refused(database) == []


@contextmanager
def serving(settings: Settings) -> Generator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "fleet_server", "run", "--data", str(settings.data)]
    command += ["--http-port", "0", "--node-port", "0"]
    command += ["--broker-port", str(settings.broker_port)]
    log = settings.data / "server.log"
    with (
        log.open("ab") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as server,
    ):
        try:
            yield server
        finally:
            server.kill()


def _wait_ready(server: subprocess.Popen[bytes]) -> None:
    assert server.stdout is not None
    port = json.loads(server.stdout.readline())["http_port"]
    wait_for(lambda: _is_ready(port), "the server's readiness", READY_S)


def _is_ready(port: int) -> bool:
    answer = httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False, timeout=READY_S)
    return answer.is_success


def _count(database: SqlDatabase) -> int:
    with database.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM report").scalar_one())


def _seqs(database: SqlDatabase, name: str) -> list[int]:
    query = "SELECT seq FROM report WHERE node_id = ? ORDER BY seq"
    with database.engine.connect() as connection:
        return [row[0] for row in connection.exec_driver_sql(query, (name,))]


def _missing(database: SqlDatabase, sent: dict[str, int]) -> dict[str, list[int]]:
    lost = {name: sorted(set(range(n)) - set(_seqs(database, name))) for name, n in sent.items()}
    return {name: seqs for name, seqs in lost.items() if seqs}


def _refused(database: SqlDatabase) -> list[tuple[str, int]]:
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT reason, count FROM refused_count")
        return [(str(row[0]), int(row[1])) for row in rows]
