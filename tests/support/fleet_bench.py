"""The real server application over a temporary SQLite store, with model nodes and a model broker.

    with fleet_bench(tmp_path, template) as bench:
        bench.add_lamps("hv", 8)
        answer = bench.post("overrides", {...}, role="operator")
        bench.settle()          # publish, let the nodes answer, store, follow: until quiet

Everything of the server is the product: routes, rules, store, ingest's own transaction. Only the
network to the broker and the nodes are models. Time stands still unless the test moves it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Coroutine, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from fleet_server.access import service as access
from fleet_server.access.models import LoginSession, User
from fleet_server.adapters.database import SqlDatabase, open_database
from fleet_server.errors import BrokerUnavailableError
from fleet_server.main import Workers, compose, create_app
from fleet_server.registry.models import Cabinet, Feeder, Node, NodeGroup, NodeGroupMember
from fleet_server.settings import Settings
from fleet_server.telemetry.refusals import Message
from fleet_server.telemetry.store import store_batch
from tests.support.clock import StillClock
from tests.support.data_folder import data_folder
from tests.support.node_model import NodeModel

FOR_EVER_S = 1 << 40
T = TypeVar("T")
TOKENS = "tokens-of-tests.json"
ROLES = ("viewer", "operator", "technician", "release_manager", "administrator")
ROUNDS = 200


@dataclass(slots=True)
class ModelBroker:
    """Implements `ports.Publisher` and `ports.Gate`: keeps what is retained, and can be away."""

    connected: bool = True
    retained: dict[str, bytes] = field(default_factory=dict[str, bytes])
    published: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    refuses: frozenset[str] = frozenset()
    revoked: dict[str, int] = field(default_factory=dict[str, int])
    put_out: list[str] = field(default_factory=list[str])

    def refuse(self, revoked: Mapping[str, int]) -> None:
        """See `ports.Gate.refuse`."""
        self.revoked = dict(revoked)

    def disconnect(self, node_id: str) -> bool:
        """See `ports.Gate.disconnect`."""
        if self.connected:
            self.put_out.append(node_id)
        return self.connected

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """See `ports.Publisher.publish`."""
        await asyncio.sleep(0)
        if not self.connected or topic in self.refuses:
            raise BrokerUnavailableError("The broker is away.")
        self.published.append((topic, payload))
        if retain:
            self.retained[topic] = payload


@dataclass(slots=True)
class HubRecorder:
    """Implements what `ports.Hub` needs here: it remembers the news."""

    news: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """See `ports.Hub.publish`."""
        self.news.append((event, data))

    def nodes_changed(self, node_ids: Iterable[str]) -> None:
        """Live nodes are telemetry's business."""

    def of(self, event: str) -> list[dict[str, Any]]:
        """The data of one event's news."""
        return [data for name, data in self.news if name == event]


class Bench:
    """See the module."""

    def __init__(self, settings: Settings, database: SqlDatabase, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.settings = settings
        self.database = database
        self.clock = StillClock()
        self.broker = ModelBroker()
        self.hub = HubRecorder()
        self.nodes: dict[str, NodeModel] = {}
        self._seen = 0
        self._tokens: dict[str, str] = json.loads((settings.data / TOKENS).read_text())
        self.restart()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the bench's one event loop."""
        return self._runner.run(work)

    def restart(self) -> None:
        """A new server process over the same store; what only memory held is gone."""
        services = compose(self.settings, self.database, self.broker)
        self.services = replace(services, clock=self.clock, hub=self.hub)  # type: ignore[arg-type]

        def authenticate(token: str) -> Any:
            return access.authenticate(self.database, self.clock, token)

        self.services = replace(self.services, authenticate=authenticate, gate=self.broker)
        self.workers = Workers(self.services)
        self.app = create_app(self.services, workers=self.workers)
        self.workers.follower.catch_up()
        self.run(self.workers.alarm_watch.load())

    def add_supply(self, feeders: dict[str, list[str]], lamps_each: int) -> None:
        """Cabinets with their feeders, lamps on each, and a group per feeder and `all`."""
        with self.database.write() as session:
            for cabinet, names in feeders.items():
                session.add(Cabinet(id=cabinet, name=cabinet.upper(), lat=13.98, lon=108.0))
                session.flush()
                for name in names:
                    session.add(Feeder(id=name, cabinet_id=cabinet, name=name.upper(), phase="L1"))
                    session.add(NodeGroup(id=name, name=f"Group {name}"))
            session.merge(NodeGroup(id="all", name="All lamps"))
            session.flush()
            for name in (name for names in feeders.values() for name in names):
                for number in range(1, lamps_each + 1):
                    node_id = f"{name}-{number}"
                    session.add(_node(node_id, "streetlight", name))
                    session.flush()
                    for group in (name, "all"):
                        session.add(NodeGroupMember(group_id=group, node_id=node_id))
                    self.nodes[node_id] = NodeModel(node_id)

    def add_node(self, node_id: str, kind: str) -> NodeModel:
        """A node on no feeder."""
        with self.database.write() as session:
            session.add(_node(node_id, kind, None))
        self.nodes[node_id] = NodeModel(node_id, kind)
        return self.nodes[node_id]

    def request(self, method: str, path: str, role: str, **arguments: Any) -> Any:
        """One request with the token of a role; the answer's JSON, whatever its status."""
        headers = {"authorization": "Bearer " + self._tokens[role]}
        answer = self.send(method, path, headers=headers, **arguments)
        return answer.status_code, answer.json()

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request with nobody's token; an error inside the application is raised here."""

        async def exchange() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
                return await client.request(method, "/api/v1/" + path, **arguments)

        return self.run(exchange())

    def get(self, path: str) -> Any:
        """Reads as a viewer; only success will do."""
        status, body = self.request("GET", path, "viewer")
        assert status == 200, body
        return body

    def post(self, path: str, body: Any = None, role: str = "operator") -> Any:
        """Writes; only success will do."""
        status, answer = self.request("POST", path, role, json=body or {})
        assert status in (200, 201), answer
        return answer

    def connect_all(self) -> None:
        """Every node connects and reports."""
        self.deliver(*(said for node in self.nodes.values() for said in node.connect(self.city_s)))

    @property
    def city_s(self) -> int:
        """City time."""
        return self.clock.city_s

    def pass_time(self, seconds: int) -> None:
        """Lets both clocks run, one look a second."""
        for _ in range(seconds):
            self.clock.city_s += 1
            self.clock.machine_s += 1
            self.look()

    def look(self) -> None:
        """One step of every worker that goes by the clock."""
        self.run(self.workers.alarm_watch.look())
        self.workers.executor.step()

    def deliver(self, *messages: Message) -> None:
        """Stores messages by the ingest's own transaction and tells the subscribers."""
        if not messages:
            return
        with self.database.write_connection() as connection:
            outcome = store_batch(
                connection, messages, self.clock.now_s(), self.clock.system_now_s()
            )
        assert outcome.refused == {}, outcome.refused
        for subscriber in self.workers.subscribers:
            subscriber(outcome.stored)

    def publish(self) -> tuple[int, int]:
        """One round of the dispatcher."""
        return self.run(self.workers.dispatcher.publish_waiting())

    def settle(self) -> None:
        """Publishes, lets nodes answer, stores and follows until nothing moves."""
        for _ in range(ROUNDS):
            moved = self.publish()[0]
            answered = self._answer()
            self.workers.follower.follow()
            self.workers.executor.step()
            if not moved and not answered:
                return
        raise AssertionError(f"not quiet after {ROUNDS} rounds")

    def settle_nodes_without_telling(self) -> None:
        """Lets the nodes answer; the process dies before its subscribers hear of it."""
        workers, self.workers = self.workers, Workers(self.services)
        self._answer()
        self.workers = workers

    def _answer(self) -> int:
        fresh = self.broker.published[self._seen :]
        self._seen = len(self.broker.published)
        said: list[Message] = []
        for topic, payload in fresh:
            node = self.nodes.get(topic.split("/")[1])
            if node is not None:
                said += node.take(payload, self.city_s, self.services.blobs.path)
        self.deliver(*said)
        return len(said)


def make_template(folder: Path) -> Path:
    """A data folder with CA, tables, and a login for each role, to be copied for each test."""
    settings = data_folder(folder)
    tokens = {role: "token-of-" + role for role in ROLES}
    database = open_database(settings)
    with database.write() as session:
        for role, token in tokens.items():
            # Nobody can log in with this hash; the real login has tests of its own.
            session.add(User(name=role, password_hash="!", roles=role, created_s=0))
            session.flush()
            session.add(
                LoginSession(
                    token_sha256=hashlib.sha256(token.encode()).hexdigest(),
                    username=role,
                    created_s=0,
                    expires_s=FOR_EVER_S,
                )
            )
    database.close()
    (folder / TOKENS).write_text(json.dumps(tokens))
    return folder


@contextmanager
def fleet_bench(folder: Path, template: Path, **settings: Any) -> Generator[Bench]:
    """A bench over a copy of the template; `settings` are fields of `Settings`."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    chosen = Settings(data=folder, **settings)
    database = open_database(chosen)
    try:
        with asyncio.Runner() as runner:
            yield Bench(chosen, database, runner)
    finally:
        database.close()


def _node(node_id: str, kind: str, feeder: str | None) -> Node:
    return Node(
        id=node_id,
        kind=kind,
        name=f"Node {node_id}",
        lat=13.983,
        lon=108.0,
        feeder_id=feeder,
        state="provisioned",
        created_s=0,
        folded=node_id,
    )
