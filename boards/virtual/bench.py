"""All nodes of a bench and what is done to them; ends every process it started.

bench = Bench(settings, prepare(settings))
await bench.run()  # until somebody calls bench.stop()
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from boards.virtual.errors import OrderError
from boards.virtual.feeding import Feeding
from boards.virtual.launch import Launch
from boards.virtual.logs import trim_log
from boards.virtual.node import StartGate, VirtualNode
from boards.virtual.settings import BenchSettings

_LOOK_AT_LOGS_S = 2.0


class Bench:
    """The nodes and their mains; `run` keeps them alive."""

    def __init__(self, settings: BenchSettings, launches: Mapping[str, Launch]) -> None:
        gate = StartGate()
        self.settings = settings
        self._feeding = Feeding(settings.nodes)
        self._nodes = {
            node.id: VirtualNode(node, launches[node.id], settings.log_folder, gate)
            for node in settings.nodes
        }
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Run all nodes until `stop`; no process is left, however this ends."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(node.live(), name=name) for name, node in self._nodes.items()
            ]
            tasks.append(group.create_task(self._keep_logs(), name="logs"))
            await self._stopped.wait()
            for task in tasks:
                task.cancel()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopped.set()

    def cut(self, what: str, name: str) -> list[str]:
        """Open the switch of a node, feeder or cabinet; who hangs on it.

        Raises:
            OrderError: there is none of that name.
        """
        return self._fed(self._feeding.cut(what, name))

    def restore(self, what: str, name: str) -> list[str]:
        """Close the switch again; who hangs on it.

        Raises:
            OrderError: there is none of that name.
        """
        return self._fed(self._feeding.restore(what, name))

    def set(self, node: str, what: str, value: Any) -> None:
        """Change something around a node.

        Raises:
            OrderError: no such node, thing or value.
        """
        if node not in self._nodes:
            raise OrderError(f"there is no node {node!r} on this bench")
        self._nodes[node].set_hand(what, value)

    def status(self) -> dict[str, dict[str, Any]]:
        """Every node as one sees it."""
        return {name: node.status() for name, node in self._nodes.items()}

    def _fed(self, names: list[str]) -> list[str]:
        for name in names:
            node = self._nodes[name]
            node.set_mains(self._feeding.has_mains(node.settings))
        return names

    async def _keep_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AT_LOGS_S)
            for name in self._nodes:
                trim_log(self.settings.log_folder, name)
