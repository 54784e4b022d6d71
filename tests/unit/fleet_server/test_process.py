"""The server as a process: its verbs, its start, its end, and one message's way through it."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fleet_server.adapters import mosquitto
from fleet_server.settings import Settings
from protocols import messages
from protocols.fields import STREETLIGHT, scaled
from tests.support.broker import connected, running_broker, wait_for
from tests.support.data_folder import database_of, make_identity, register_nodes
from tests.support.ports import free_port

pytestmark = pytest.mark.sockets

LAMP = "pk-sl-001"
END_S = 3.0


def command(verb: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "fleet_server", verb, *map(str, arguments)]


def verb(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(str(arguments[0]), *arguments[1:]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


class Server:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], ports: dict[str, int]) -> None:
        self.process = process
        self.address = f"http://127.0.0.1:{ports['http_port']}"
        self.client = httpx.Client(base_url=self.address, trust_env=False, timeout=10)

    def log_in(self, password: str) -> None:
        body = {"username": "admin", "password": password}
        token = self.client.post("/api/v1/login", json=body).raise_for_status().json()["token"]
        self.client.headers["authorization"] = "Bearer " + token

    def get(self, path: str) -> Any:
        return self.client.get("/api/v1/" + path).raise_for_status().json()

    def readiness(self) -> dict[str, bool]:
        return self.client.get("/readyz").json()["parts"]

    def end(self, number: signal.Signals) -> float:
        """Seconds until it has ended by this signal, in good order."""
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(10) == 0
        return time.monotonic() - began


@contextmanager
def serving(data: Path, broker_port: int, *arguments: object) -> Generator[Server]:
    ports = ("--http-port", 0, "--node-port", 0, "--broker-port", broker_port)
    log = data / "server.log"
    with (
        log.open("a") as errors,
        subprocess.Popen(
            command("run", "--data", data, *ports, *arguments),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text()
            server = Server(process, json.loads(line))
            with server.client:
                yield server
        finally:
            process.kill()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data folder as `init` makes it, and the password that it printed."""
    data = tmp_path_factory.mktemp("template") / "data"
    done = verb("init", "--data", data, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["username"] == "admin"
    with database_of(Settings(data=data)) as database:
        register_nodes(database, LAMP)
    return data, made["password"]


@pytest.fixture
def prepared(template: tuple[Path, str], tmp_path: Path) -> tuple[Settings, str]:
    """A prepared data folder of one's own, and the administrator's password."""
    settings = Settings(data=tmp_path / "data", broker_port=free_port())
    shutil.copytree(template[0], settings.data)
    mosquitto.write_config(settings, settings.broker_port)
    return settings, template[1]


def test_a_prepared_server_starts_tells_its_ports_and_ends(
    prepared: tuple[Settings, str],
) -> None:
    settings, password = prepared
    again = verb("init", "--data", settings.data, "--json")
    assert json.loads(again.stdout)["password"] is None, "a password is shown once"
    with serving(settings.data, settings.broker_port) as server:
        assert server.client.get("/healthz").json() == {"ok": True}
        server.log_in(password)
        assert server.get("me")["username"] == "admin"
        assert server.end(signal.SIGINT) < END_S
    assert password not in (settings.data / "server.log").read_text()


def test_a_lost_password_is_replaced_and_the_old_logins_end(
    prepared: tuple[Settings, str],
) -> None:
    settings, password = prepared
    done = verb("password", "--data", settings.data, "--json")
    fresh = json.loads(done.stdout)["password"]
    assert fresh != password
    with serving(settings.data, settings.broker_port) as server:
        body = {"username": "admin", "password": password}
        assert server.client.post("/api/v1/login", json=body).status_code == 401
        server.log_in(fresh)
    unknown = verb("password", "--data", settings.data, "--user", "nobody")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "nobody" in unknown.stderr and "Traceback" not in unknown.stderr


def test_known_errors_are_one_line_and_status_2(
    tmp_path: Path, prepared: tuple[Settings, str]
) -> None:
    settings, _ = prepared
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, word in (
            (("--data", tmp_path / "empty"), "init"),
            (("--http-port", port), str(port)),
            (("--node-port", port), str(port)),
            (("--clock", "now"), "clock"),
            (("--http-port", 70000), "http_port"),
        ):
            free = ("--data", settings.data, "--http-port", 0, "--node-port", 0)
            done = verb("run", *free, *arguments)
            assert done.returncode == 2, done.stderr
            lines = done.stderr.strip().splitlines()
            assert len(lines) == 1 and word in lines[0], done.stderr


def test_settings_come_from_the_environment_and_arguments_win(
    prepared: tuple[Settings, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, password = prepared
    monkeypatch.setenv("CITYFLEET_CLOCK", "0,0,2")
    with serving(settings.data, settings.broker_port) as server:
        server.log_in(password)
        assert server.get("clock")["speed"] == 2
    now_s = int(time.time())
    with serving(
        settings.data, settings.broker_port, "--clock", f"{now_s},2000000000,360"
    ) as server:
        server.log_in(password)
        clock = server.get("clock")
        assert clock["speed"] == 360 and 0 <= clock["now_s"] - 2_000_000_000 < 360 * 60
        assert abs(clock["system_now_s"] - time.time()) < 5
    monkeypatch.setenv("CITYFLEET_HTTP_PORT", "many")
    done = verb("run", "--data", settings.data)
    assert done.returncode == 2 and "HTTP_PORT" in done.stderr


def test_the_server_ends_in_time_with_open_streams_and_a_broker(
    prepared: tuple[Settings, str],
) -> None:
    settings, password = prepared
    with (
        running_broker(settings),
        serving(settings.data, settings.broker_port) as server,
    ):
        server.log_in(password)
        wait_for(lambda: all(server.readiness().values()), "readiness")
        ended: list[int] = []
        streams = [threading.Thread(target=_listen, args=(server, ended)) for _ in range(5)]
        for stream in streams:
            stream.start()
        wait_for(lambda: len(ended) == len(streams), "the streams to open")
        assert server.end(signal.SIGTERM) < END_S
        for stream in streams:
            stream.join(10)
        assert len(ended) == 2 * len(streams), "every stream ends by itself"
    log = (settings.data / "server.log").read_text()
    assert "Traceback" not in log and "ERROR" not in log


def test_readiness_follows_the_broker(prepared: tuple[Settings, str]) -> None:
    settings, _ = prepared
    with serving(settings.data, settings.broker_port) as server:
        assert server.client.get("/readyz").status_code == 503
        parts = server.readiness()
        assert parts["database"] and parts["store"]
        assert not parts["broker_ingest"] and not parts["broker_command"]
        with running_broker(settings) as broker:
            wait_for(lambda: all(server.readiness().values()), "readiness", 20)
            broker.stop()
            wait_for(lambda: not server.readiness()["broker_ingest"], "the loss to show")
            assert server.client.get("/healthz").status_code == 200
            broker.start()
            wait_for(lambda: all(server.readiness().values()), "recovery without a hand", 20)


def test_a_report_is_on_the_open_screen_and_an_echo_back_at_the_node(
    prepared: tuple[Settings, str],
) -> None:
    settings, password = prepared
    with (
        running_broker(settings) as broker,
        serving(settings.data, settings.broker_port) as server,
        connected(broker, make_identity(settings, LAMP)) as node,
    ):
        server.log_in(password)
        wait_for(lambda: all(server.readiness().values()), "readiness")
        node.subscribe(f"cf1/{LAMP}/down/echo")
        with server.client.stream("GET", "/api/v1/stream") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 2000"
            now_s = int(time.time())
            values = scaled(STREETLIGHT, {"level_percent": 40, "lamp_power_w": 21.5})
            report = messages.encode_report(STREETLIGHT, 1, 1, now_s, values)
            node.publish(f"cf1/{LAMP}/up/report", report)
            shown = _next(lines, "node")["nodes"][0]
            assert (shown["id"], shown["online"]) == (LAMP, True)
            assert shown["values"]["lamp_power_w"] == 21.5
            node.publish(f"cf1/{LAMP}/up/report", b"\x81\x01")
            assert _next(lines, "refusal")["counts"] == {"malformed": 1}
            asks = messages.encode_event(
                STREETLIGHT, 1, 2, now_s, messages.ECHO_REQUEST, {"nonce": b"n0nce"}
            )
            node.publish(f"cf1/{LAMP}/up/event", asks)
            assert messages.decode_echo(bytes(node.get().payload)) == b"n0nce"
        assert server.get(f"nodes/{LAMP}/readings")["values"]["level_percent"] == [40]
        assert server.get("refusals")["recent"][0]["sample_hex"] == "8101"


def _listen(server: Server, ended: list[int]) -> None:
    headers = dict(server.client.headers)
    with httpx.Client(base_url=server.address, trust_env=False, headers=headers) as client:
        with client.stream("GET", "/api/v1/stream", timeout=30) as stream:
            ended.append(0)
            for _ in stream.iter_lines():
                continue
        ended.append(1)


def _next(lines: Any, wanted: str) -> dict[str, Any]:
    event = ""
    for line in lines:
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: ") and event == wanted:
            return json.loads(line.removeprefix("data: "))
    raise AssertionError(f"the stream ended without {wanted}")
