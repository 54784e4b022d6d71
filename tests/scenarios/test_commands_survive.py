"""A command reaches its lamp through the death of the broker and of the server; nobody is alarmed.

Real broker, real server process, real TLS; the lamp is a model that speaks over a real connection.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from fleet_server.access import service as access
from fleet_server.access.limiter import LoginLimiter
from fleet_server.adapters.clock import FleetClock
from fleet_server.settings import Settings
from fleet_server.web import system_actor
from protocols import topics
from tests.scenarios.test_server_killed_under_load import serving
from tests.support.broker import Broker, Client, running_broker, wait_for
from tests.support.data_folder import (
    Identity,
    data_folder,
    database_of,
    make_identity,
    register_nodes,
)
from tests.support.node_model import NodeModel
from tests.support.ports import free_port

LAMPS = ("pk-sl-001", "pk-sl-002", "pk-sl-003")
PASSWORD = "a-password-of-tests"
WAIT_S = 30.0


class LiveLamp:
    """A model node on a real connection; `connect` again after the broker was away."""

    def __init__(self, settings: Settings, broker: Broker, name: str) -> None:
        self.model = NodeModel(name)
        self._identity: Identity = make_identity(settings, name)
        self._broker = broker
        self._client: Client | None = None
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def connect(self) -> None:
        """Opens a session of its own name that outlives the connection, as firmware does."""
        client = Client(self._broker, self._identity, self.model.node_id, False)
        said = self.model.connect(int(time.time()))
        will = self.model.last_will(int(time.time()))
        client.will(will.topic, will.payload)
        client.connect().subscribe(topics.down(self.model.node_id, "#"))
        for message in said:
            client.publish(message.topic, message.payload)
        self._client, self._ending = client, threading.Event()
        self._thread = threading.Thread(target=self._answer, args=(client, self._ending))
        self._thread.start()

    def leave(self) -> None:
        """Ends the connection without a word."""
        self._ending.set()
        if self._thread is not None and self._client is not None:
            self._thread.join(WAIT_S)
            self._client.drop()
        self._thread = None

    def _answer(self, client: Client, ending: threading.Event) -> None:
        while not ending.is_set():
            try:
                payload = client.get(0.1).payload
            except queue.Empty:
                continue
            for message in self.model.take(bytes(payload), int(time.time()), lambda _: None):
                client.publish_soon(message.topic, message.payload)


class Desk:
    """An operator's client of the server that runs now."""

    def __init__(self, server: subprocess.Popen[bytes], token: str) -> None:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        self.address = f"http://127.0.0.1:{ready['http_port']}"
        self.node_port = int(ready["node_port"])
        self._http = httpx.Client(
            base_url=self.address + "/api/v1/",
            headers={"authorization": "Bearer " + token},
            trust_env=False,
            timeout=WAIT_S,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def override(self, level: int) -> int:
        body = {"node_ids": list(LAMPS), "level": level, "minutes": 60}
        answer = self._http.post("overrides", json=body)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["command_id"])

    def get(self, path: str) -> Any:
        answer = self._http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_reached(self, command: int) -> None:
        def all_reached() -> bool:
            return self.get(f"commands/{command}")["counts"]["reached"] == len(LAMPS)

        wait_for(all_reached, f"command {command} to be reached", WAIT_S)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A data folder with three lamps, and quick confirmation times for the server."""
    monkeypatch.setenv("CITYFLEET_OUTAGE_CONFIRM_S", "1")
    monkeypatch.setenv("CITYFLEET_RESTORE_HOLD_S", "1")
    return data_folder(tmp_path / "data", free_port())


@contextmanager
def street(
    settings: Settings, watched: bool = False
) -> Generator[tuple[Broker, list[LiveLamp], str]]:
    """Broker and connected lamps, and an operator's token."""
    clock = FleetClock()
    with database_of(settings) as database:
        register_nodes(database, *LAMPS)
        access.create_user(
            database,
            clock,
            system_actor("tests"),
            username="operator",
            password=PASSWORD,
            roles=["operator"],
        )
        token, _ = access.login(
            database,
            clock,
            LoginLimiter(),
            3600,
            username="operator",
            password=PASSWORD,
            address="test",
        )
    with running_broker(settings, watched) as broker:
        lamps = [LiveLamp(settings, broker, name) for name in LAMPS]
        try:
            for lamp in lamps:
                lamp.connect()
            yield broker, lamps, token
        finally:
            for lamp in lamps:
                lamp.leave()


def test_a_command_survives_the_death_of_broker_and_server(settings: Settings) -> None:
    with street(settings) as (broker, lamps, token):
        with serving(settings) as server, Desk(server, token) as desk:
            desk.wait_reached(desk.override(10))
            for lamp in lamps:
                lamp.leave()
            broker.kill()
            # It knows neither the server's session nor any document: what lamps say before the
            # server listens again is lost.
            broker.forget()
            waiting = desk.override(20)
            time.sleep(0.5)
            assert desk.get(f"commands/{waiting}")["counts"]["queued"] == len(LAMPS)
            broker.start()
            for lamp in lamps:
                lamp.connect()
            desk.wait_reached(waiting)
            orphan = desk.override(30)
            server.kill()
        with serving(settings) as server, Desk(server, token) as desk:
            desk.wait_reached(orphan)
            levels = {lamp.model.document["override"]["level"] for lamp in lamps}
            assert levels == {30}
            causes = {alarm["cause"] for alarm in desk.get("alarms")["alarms"]}
            assert not {cause for cause in causes if cause.endswith("outage")}
            server.terminate()
            assert server.wait(10) == 0


def test_a_lamp_that_was_away_is_told_when_it_returns(settings: Settings) -> None:
    with (
        street(settings) as (_, lamps, token),
        serving(settings) as server,
        Desk(server, token) as desk,
    ):
        lamps[2].leave()
        command = desk.override(40)

        def two_reached() -> bool:
            return desk.get(f"commands/{command}")["counts"]["reached"] == 2

        wait_for(two_reached, "two lamps", WAIT_S)
        assert desk.get(f"commands/{command}")["counts"]["sent"] == 1
        lamps[2].connect()
        desk.wait_reached(command)
