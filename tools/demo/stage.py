"""Brings the demo up, step by step, in the only order that works.

CA and accounts before the broker, the broker before the server, the registry before the
enrolment, the nodes' files before the bench. The applications are built meanwhile. Each step
asks what is there already, so that a start goes on where an earlier one was cut off.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from tools.client.http import FleetClient
from tools.demo import nodes, programs, script
from tools.demo.accounts import (
    Login,
    keep_login,
    kept_login,
    make_operator,
    open_profile,
    token_of,
)
from tools.demo.clock import CityClock
from tools.demo.district import District, Place, import_document
from tools.demo.factory import FACTORY_VERSION, build_images, make_release_key
from tools.demo.folder import DemoFolder
from tools.demo.ports import LOOPBACK, Ports
from tools.demo.processes import Children, log_tail
from tools.demo.report import Reporter
from tools.errors import DemoError
from tools.files import SECRET_FOLDER, read_bytes, write_atomic
from tools.node.slots import FactoryImage, is_installed
from tools.release.work import REPOSITORY

SERVER_WAIT_S = 30
ONLINE_WAIT_S = 90
LOOK_S = 0.1
ONLINE_LOOK_S = 0.25
MISSING_SHOWN = 8
# What `fleet_server run` prints once its ports are its own.
READY_LINE = b'{"ready": true'


class Stage:
    """The parts of one running demo.

    Attributes:
        server: the address of the fleet server.
        first_login: the administrator's password while it has not been shown yet.
        city_moves: something reads the city clock, or did.
    """

    def __init__(
        self,
        folder: DemoFolder,
        district: District,
        ports: Ports,
        clock: CityClock,
        children: Children,
        report: Reporter,
    ) -> None:
        self.server = f"http://{LOOPBACK}:{ports.http}"
        self.first_login: Login | None = None
        self.city_moves = False
        self._folder = folder
        self._district = district
        self._ports = ports
        self._clock = clock
        self._children = children
        self._report = report
        self._token = ""

    async def bring_up(self) -> None:
        """Starts everything and returns when every node is online.

        Raises:
            ToolError: a step failed.
        """
        folder, places = self._folder, self._district.nodes
        make_release_key(folder)
        fresh = [place for place in places if not is_installed(folder.node(place.id))]
        build = asyncio.create_task(self._build(fresh), name="build")
        try:
            await self._prepare_server()
            await self._start(programs.BROKER, programs.broker_command(folder))
            self.city_moves = True
            await self.start_server()
            self._report.step(f"broker on port {self._ports.broker}, fleet server at {self.server}")
            await asyncio.to_thread(self._register)
            images = await build
        finally:
            build.cancel()
        await asyncio.to_thread(nodes.install_nodes, folder, fresh, images)
        nodes.point_nodes(folder, places, self._ports, self._clock.speed)
        programs.write_bench(folder, places, self._ports, self._clock)
        before = await asyncio.to_thread(self._last_seen)
        await self._start(programs.BENCH, programs.bench_command(folder))
        await self._wait_online({place.id for place in places}, before)

    async def start_server(self) -> None:
        """Starts the fleet server and returns when it is ready.

        Raises:
            DemoError: it runs already, or is not ready in time.
        """
        log = self._log(programs.SERVER)
        old = log.stat().st_size if log.exists() else 0
        command = programs.server_command(self._folder, self._ports, self._clock)
        await self._start(programs.SERVER, command)
        end_s = time.monotonic() + SERVER_WAIT_S
        with FleetClient(self.server) as client:
            # First its own word: whoever else may sit on the port must not get our login.
            while not (_has_port(log, old) and await asyncio.to_thread(client.answers)):
                if time.monotonic() > end_s:
                    raise DemoError(
                        f"the fleet server is not ready after {SERVER_WAIT_S} s; its log: {log}"
                    )
                await asyncio.sleep(LOOK_S)

    async def stop_server(self) -> None:
        """Ends the fleet server alone.

        Raises:
            DemoError: it does not run.
        """
        await self._children.stop(programs.SERVER)

    async def _start(self, name: str, command: list[str]) -> None:
        environment = programs.environment()
        await self._children.start(name, command, self._log(name), environment, REPOSITORY)

    def _log(self, name: str) -> Path:
        return self._folder.logs / f"{name.replace(' ', '-')}.log"

    async def _build(self, fresh: list[Place]) -> dict[str, FactoryImage]:
        kinds = {place.kind for place in fresh}
        if not kinds:
            return {}
        images = await asyncio.to_thread(build_images, self._folder, kinds)
        self._report.step(f"application {FACTORY_VERSION} built and signed for {len(kinds)} kinds")
        return images

    async def _prepare_server(self) -> None:
        folder = self._folder
        folder.server.mkdir(mode=SECRET_FOLDER, parents=True, exist_ok=True)
        made = await asyncio.to_thread(programs.init_server, folder)
        if not made.get("password") and kept_login(folder.operator) is None:
            # An earlier start was cut off before it kept the administrator's password.
            made = await asyncio.to_thread(programs.new_password, folder)
        if made.get("password"):
            keep_login(folder.first_login, Login(str(made["username"]), str(made["password"])))
        self.first_login = kept_login(folder.first_login)
        write_atomic(folder.server / "trust.json", read_bytes(folder.trust, "the trust file"))
        await asyncio.to_thread(programs.configure_broker, folder, self._ports)

    def _register(self) -> None:
        """Makes operator, registry and identities where they are missing."""
        operator = kept_login(self._folder.operator)
        if operator is None:
            assert self.first_login is not None
            token = token_of(self.server, self.first_login)
            with FleetClient(self.server, token) as administrator:
                administrator.post("registry/import", import_document(self._district))
                # Last, as the sign that this was done.
                operator = make_operator(administrator, self._folder.operator)
            self._report.step("district imported: " + script.counts_text(self._district))
        self._token = open_profile(self._folder, self.server, operator)
        with FleetClient(self.server, self._token) as client:
            enrolled = nodes.provision_nodes(
                self._folder, self._district, client, self._clock.speed
            )
        if enrolled:
            self._report.step(f"{enrolled} nodes enrolled, each with a key and certificate")

    def _nodes(self) -> list[dict[str, Any]]:
        with FleetClient(self.server, self._token) as client:
            return client.get("nodes")["nodes"]

    def _last_seen(self) -> dict[str, object]:
        return {node["id"]: node.get("last_seen_s") for node in self._nodes()}

    def _online_since(self, before: dict[str, object]) -> set[str]:
        # What the store remembers of the last run does not count.
        return {
            node["id"]
            for node in self._nodes()
            if node.get("online") and node.get("last_seen_s") != before.get(node["id"])
        }

    async def _wait_online(self, wanted: set[str], before: dict[str, object]) -> None:
        end_s = time.monotonic() + ONLINE_WAIT_S
        online: set[str] = set()
        while time.monotonic() < end_s:
            online = wanted & await asyncio.to_thread(self._online_since, before)
            self._report.waiting("nodes online", len(online), len(wanted))
            if online == wanted:
                return
            await asyncio.sleep(ONLINE_LOOK_S)
        missing = sorted(wanted - online)
        log = self._folder.node_logs / f"{missing[0]}.log"
        tail = "".join(f"\n  | {line}" for line in log_tail(log))
        raise DemoError(
            f"{len(missing)} nodes did not come online in {ONLINE_WAIT_S} s: "
            f"{', '.join(missing[:MISSING_SHOWN])}; the log of {missing[0]} ends with{tail}\n"
            f"  {log}"
        )


def _has_port(log: Path, old: int) -> bool:
    """Whether the server has said in the new part of its log that it listens."""
    with log.open("rb") as file:
        file.seek(old)
        return any(line.startswith(READY_LINE) and line.endswith(b"\n") for line in file)
