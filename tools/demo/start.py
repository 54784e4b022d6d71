"""Runs the demo in the foreground: start, control line, city clock, and the orderly end.

    start_demo(DemoFolder(Path(".demo")), speed=360, report=Reporter())

Whatever ends it (Ctrl-C, SIGTERM, the end of the terminal, a process that dies, a bug), every
process is ended, the city's time is kept and the data stay. Leaves the steps to `stage`.
"""

import asyncio
import os
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from tools.demo import programs, script
from tools.demo.clock import (
    HEARTBEAT_S,
    CityClock,
    city_text,
    continued_clock,
    keep_clock,
    speed_text,
)
from tools.demo.control import Answer, ControlLine, Order
from tools.demo.district import District, load_district
from tools.demo.folder import DemoFolder
from tools.demo.ports import PortClaims, Ports, choose_ports, listen_anywhere, port_of
from tools.demo.processes import Children
from tools.demo.report import Reporter
from tools.demo.running import DemoLock, Running, note_running
from tools.demo.stage import Stage
from tools.errors import DemoError, ProcessEndedError
from tools.files import write_secret

# Between the choice of a port and its use another program may take it.
PORT_ATTEMPTS = 3


def start_demo(folder: DemoFolder, speed: int, report: Reporter) -> None:
    """Runs the demo until it is ended.

    Raises:
        DemoError: it runs already, or a part of it failed; everything has been ended.
        ToolError: something that it needs is missing or damaged.
    """
    programs.check_set_up()
    with DemoLock(folder) as lock:
        clock = continued_clock(folder.clock, time.time(), speed)
        asyncio.run(_run(folder, clock, lock.descriptor, report))
    report.say(f"  everything has ended; the data stay in {folder.root}")


async def _run(folder: DemoFolder, clock: CityClock, lock: int, report: Reporter) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    for attempt in range(1, PORT_ATTEMPTS + 1):
        with PortClaims() as claims:
            choice = choose_ports(claims.take)
            for note in choice.notes:
                report.step(note)
            try:
                await _run_once(folder, choice.ports, clock, lock, report, ended)
                return
            except ProcessEndedError:
                if attempt == PORT_ATTEMPTS or not choice.taken():
                    raise
                report.step("somebody else has taken a port meanwhile; starting again")


async def _run_once(
    folder: DemoFolder,
    ports: Ports,
    clock: CityClock,
    lock: int,
    report: Reporter,
    ended: asyncio.Event,
) -> None:
    stage: Stage | None = None
    try:
        async with Children(keep_open=[lock]) as children:
            district = load_district()
            stage = Stage(folder, district, ports, clock, children, report)
            demo = Demo(folder, district, ports, clock, stage, children, report, ended)
            await first_of(demo.live(), demo.beat(), children.failure(), ended.wait())
            report.say("\n  ending the demo ...")
    finally:
        if stage is not None and stage.city_moves:
            keep_clock(folder.clock, clock, time.time(), stopped=True)
        # Commands that are typed from now on must not look for a server that is gone.
        folder.profile.unlink(missing_ok=True)


class Demo:
    """A demo that runs: what it tells, and what it does when it is asked."""

    def __init__(
        self,
        folder: DemoFolder,
        district: District,
        ports: Ports,
        clock: CityClock,
        stage: Stage,
        children: Children,
        report: Reporter,
        ended: asyncio.Event,
    ) -> None:
        self._folder = folder
        self._district = district
        self._ports = ports
        self._clock = clock
        self._stage = stage
        self._children = children
        self._report = report
        self._ended = ended
        self._listener = listen_anywhere()
        self._server_lock = asyncio.Lock()

    async def live(self) -> None:
        """Brings everything up, tells it, and then obeys until it is cancelled."""
        with self._listener:
            await self._live()

    async def _live(self) -> None:
        secret = secrets.token_urlsafe(24)
        write_secret(self._folder.control_secret, secret.encode())
        self._note(ready=False)
        await self._stage.bring_up()
        self._note(ready=True)
        self._report.step(f"ready: {len(self._district.nodes)} nodes online")
        city = city_text(self._clock.at(time.time()))
        login, speed = self._stage.first_login, self._clock.speed
        self._report.say(script.welcome(self._stage.server, login, city, speed))
        self._report.say(script.what_to_try(self._folder, programs.CITYFLEET, Path.cwd()))
        self._folder.first_login.unlink(missing_ok=True)
        await ControlLine(self._listener, secret, self.obey).serve()

    async def beat(self) -> None:
        """Notes the city's time every second, so that a crash cannot turn it back."""
        while True:
            if self._stage.city_moves:
                await asyncio.to_thread(
                    keep_clock, self._folder.clock, self._clock, time.time(), stopped=False
                )
            await asyncio.sleep(HEARTBEAT_S)

    async def obey(self, order: Order) -> Answer:
        """Does what another command asks over the control line.

        Raises:
            DemoError: an unknown order, or one that cannot be done now.
        """
        orders: dict[str, Callable[[], Awaitable[Answer]]] = {
            "status": self._status,
            "stop-server": self._stop_server,
            "start-server": self._start_server,
            "stop": self._stop,
        }
        act = orders.get(str(order.get("do")))
        if act is None:
            raise DemoError(f"the demo knows no order {order.get('do')!r}")
        return await act()

    def _note(self, *, ready: bool) -> None:
        server = self._stage.server
        control = port_of(self._listener)
        note_running(self._folder, Running(os.getpid(), self._ports, control, server, ready))

    async def _status(self) -> Answer:
        city_s = int(self._clock.at(time.time()))
        return {
            "server": self._stage.server,
            "processes": {child.name: child.process.pid for child in self._children.all()}
            | {"keeper": self._children.keeper_pid},
            "city_s": city_s,
            "city": city_text(city_s),
            "speed": self._clock.speed,
            "speed_text": speed_text(self._clock.speed),
        }

    async def _stop_server(self) -> Answer:
        async with self._server_lock:
            await self._stage.stop_server()
        self._report.step("fleet server stopped; the lamps go on by their own clock")
        return {}

    async def _start_server(self) -> Answer:
        async with self._server_lock:
            await self._stage.start_server()
        self._report.step("fleet server started again")
        return {}

    async def _stop(self) -> Answer:
        self._ended.set()
        return {}


async def first_of(*jobs: Coroutine[Any, Any, object]) -> None:
    """Runs jobs side by side until the first one ends, and cancels the others.

    Raises:
        whatever the first one raised.
    """
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
