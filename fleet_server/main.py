"""The composition root: joins adapters and capabilities, runs the tasks, ends cleanly.

services = compose(settings, database, publisher)
app = create_app(services)          # for a test, or behind another server
run(settings)                       # the whole server until SIGTERM or SIGINT
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from fleet_server.access import service as access_service
from fleet_server.access.api import router as access_router
from fleet_server.access.limiter import LoginLimiter
from fleet_server.adapters import ca_files, http, schema, tls
from fleet_server.adapters.blobs import BlobFolder
from fleet_server.adapters.ca_files import COMMAND
from fleet_server.adapters.clock import parse_clock
from fleet_server.adapters.database import SqlDatabase, open_database
from fleet_server.adapters.ears import Ears
from fleet_server.adapters.gate import BrokerGate
from fleet_server.adapters.health import Checks, database_answers
from fleet_server.adapters.health import router as health_router
from fleet_server.adapters.live import LiveHub
from fleet_server.adapters.node_port import node_port_app
from fleet_server.adapters.publisher import BrokerPublisher
from fleet_server.adapters.servers import bind, make_server
from fleet_server.alarms.api import router as alarms_router
from fleet_server.alarms.watch import AlarmWatch, policy_of
from fleet_server.audit.api import router as audit_router
from fleet_server.commands.api import router as commands_router
from fleet_server.commands.dispatch import Dispatcher
from fleet_server.commands.follow import Follower
from fleet_server.commands.service import desired_versions
from fleet_server.ports import Identity, Publisher, Services, Subscriber
from fleet_server.provisioning.api import Issuer
from fleet_server.provisioning.api import router as provisioning_router
from fleet_server.provisioning.life import shut_out
from fleet_server.provisioning.responder import RenewalResponder
from fleet_server.registry.api import router as registry_router
from fleet_server.rollouts.api import router as rollouts_router
from fleet_server.rollouts.executor import Executor
from fleet_server.schedules.api import router as schedules_router
from fleet_server.settings import Settings
from fleet_server.stations.api import router as stations_router
from fleet_server.telemetry.api import router as telemetry_router
from fleet_server.telemetry.service import nodes_by_ids
from fleet_server.ui import api as ui

# Every capability's routes, in the order in which they are tried.
ROUTERS = (
    health_router,
    access_router,
    audit_router,
    registry_router,
    provisioning_router,
    telemetry_router,
    commands_router,
    schedules_router,
    stations_router,
    alarms_router,
    rollouts_router,
)
# What an open request may take to end before the process goes on without it.
STOP_S = 2.0
_log = logging.getLogger("cityfleet.main")


def compose(settings: Settings, database: SqlDatabase, publisher: Publisher) -> Services:
    """The services of one process."""
    clock = parse_clock(settings.clock)

    def authenticate(token: str) -> Identity | None:
        return access_service.authenticate(database, clock, token)

    return Services(
        settings=settings,
        clock=clock,
        database=database,
        publisher=publisher,
        hub=LiveHub(),
        blobs=BlobFolder(settings.blob_folder),
        gate=BrokerGate(settings, clock),
        authenticate=authenticate,
    )


class Workers:
    """The tasks behind commands, alarms and rollouts; made idle, run by `_run_tasks`."""

    def __init__(
        self,
        services: Services,
        hears: Callable[[], bool] = lambda: True,
        hearings: Callable[[], int] = lambda: 0,
    ) -> None:
        """
        Args:
            services: what they work with.
            hears: whether our link from the broker stands.
            hearings: how often that link came to stand.
        """
        database, clock, hub = services.database, services.clock, services.hub
        self.dispatcher = Dispatcher(database, clock, services.publisher, hub, hearings)
        self.follower = Follower(database, clock, hub)
        self.alarm_watch = AlarmWatch(database, clock, hub, policy_of(services.settings), hears)
        self.executor = Executor(database, clock, hub, self.dispatcher)
        self.renewals = RenewalResponder(
            database,
            clock,
            services.publisher,
            hub,
            ca_files.load_issuing(services.settings),
            services.settings.node_certificate_days,
        )

    @property
    def subscribers(self) -> tuple[Subscriber, ...]:
        """Who wants to know what ingest has stored."""
        return (self.follower.take, self.alarm_watch.take, self.executor.take, self.renewals.take)

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What must run, by name."""
        return {
            "dispatcher": self.dispatcher.run(),
            "follower": self.follower.run(),
            "alarms": self.alarm_watch.run(),
            "rollouts": self.executor.run(),
            "renewals": self.renewals.run(),
        }


def create_app(
    services: Services, checks: Checks | None = None, workers: Workers | None = None
) -> FastAPI:
    """The web application over these services; it starts no task of its own.

    Args:
        services: what the routes work with.
        checks: parts beside the database that /readyz asks.
        workers: whom the routes wake; idle ones where nobody runs any.
    """
    workers = workers or Workers(services)
    app = FastAPI(title="Cityfleet", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    app.state.login_limiter = LoginLimiter()
    app.state.checks = {"database": lambda: database_answers(services.database)} | dict(
        checks or {}
    )
    app.state.issuer = Issuer(
        ca_files.load_issuing(services.settings),
        ca_files.certificate_pem(services.settings, "root"),
    )
    app.state.desired_versions = desired_versions
    app.state.dispatcher = workers.dispatcher
    app.state.alarm_watch = workers.alarm_watch
    app.state.executor = workers.executor
    http.install(app)
    for router in ROUTERS:
        app.include_router(router)
    ui.install(app)
    return app


def run(settings: Settings) -> int:
    """Serves until SIGTERM or SIGINT.

    Raises:
        SettingsError: the data folder is not ready, or a port is taken.
    """
    asyncio.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = open_database(settings)
    schema.check_current(database)
    listeners = [bind(settings.host, settings.http_port), bind(settings.host, settings.node_port)]
    http_port, node_port = (listener.getsockname()[1] for listener in listeners)
    # From here on the ports are those that they became.
    settings = replace(settings, http_port=http_port, node_port=node_port)
    publisher = BrokerPublisher(
        settings.host, settings.broker_port, tls.broker_client(settings, COMMAND)
    )
    services = compose(settings, database, publisher)
    shut_out(database, services.gate)
    workers = Workers(services, lambda: hears(), lambda: ears.subscriptions)
    ears = Ears(services, database, workers.subscribers)
    hears = ears.checks()["broker_ingest"]
    checks = {**ears.checks(), "broker_command": lambda: publisher.connected}
    app = create_app(services, checks, workers)
    tasks = {"publisher": publisher.run(), "echo": ears.echo.run(), **workers.tasks()}
    await _run_tasks(stop, services, tasks, ears, app, listeners)
    database.close()


async def _run_tasks(
    stop: asyncio.Event,
    services: Services,
    tasks: Mapping[str, Coroutine[Any, Any, None]],
    ears: Ears,
    app: FastAPI,
    listeners: list[socket.socket],
) -> None:
    web = make_server(app)
    nodes = make_server(node_port_app(services.blobs), tls.node_port(services.settings))
    hub = services.hub
    assert isinstance(hub, LiveHub)

    def read_nodes(node_ids: list[str]) -> list[dict[str, Any]]:
        return nodes_by_ids(services.database, app.state.desired_versions, node_ids)

    async with asyncio.TaskGroup() as group:

        def start(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            return group.create_task(work, name=name)

        servers = [
            start("web", web.serve(sockets=listeners[:1])),
            start("node-port", nodes.serve(sockets=listeners[1:])),
        ]
        workers = [
            start("live", hub.run(lambda ids: asyncio.to_thread(read_nodes, ids))),
            *(start(name, work) for name, work in tasks.items()),
        ]
        ears.start()
        _say_ready(services.settings)
        try:
            await stop.wait()
            _log.info("ending")
            hub.close()
            web.should_exit = nodes.should_exit = True
            await asyncio.wait(servers, timeout=STOP_S)
        finally:
            # Also when a task failed: what is stored is acknowledged, the rest comes again.
            ears.stop()
            for task in (*servers, *workers):
                task.cancel()


def _say_ready(settings: Settings) -> None:
    """One line of JSON on stdout tells whoever started us which ports it became."""
    ports = {"http_port": settings.http_port, "node_port": settings.node_port}
    print(json.dumps({"ready": True} | ports), flush=True)
    _log.info("serving on http://%s:%d", settings.host, settings.http_port)
