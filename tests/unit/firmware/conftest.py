"""The laboratory as fixtures."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.firmware.lab.authority import Authority
from tests.unit.firmware.lab.node import Node
from tests.unit.firmware.lab.servers import Blobs, Broker, Server, open_broker

NewNode = Callable[..., Node]


@dataclass(slots=True)
class Lab:
    """Everything around one node.

    Attributes:
        authority: Who vouches for whom.
        broker: The real broker.
        server: The fleet server's part.
        new_node: Makes a factory-fresh node without power; keywords go into config.json.
    """

    authority: Authority
    broker: Broker
    server: Server
    new_node: NewNode


@pytest.fixture(scope="module")
def authority() -> Authority:
    """One authority for a module: making keys takes time."""
    return Authority()


@pytest.fixture
def lab(authority: Authority, tmp_path: Path) -> Generator[Lab]:
    """A laboratory; whatever was started in it is ended."""
    nodes: list[Node] = []
    with open_broker(authority, tmp_path) as broker:
        server = Server(authority, tmp_path, broker.port)

        def new_node(kind: str, name: str = "t-node", **config: Any) -> Node:
            port = config.pop("broker_port", broker.port)
            node = Node(tmp_path / name, authority, name, kind, port, **config)
            nodes.append(node)
            return node

        try:
            yield Lab(authority, broker, server, new_node)
        finally:
            for node in nodes:
                node.cut()
            server.close()


@pytest.fixture
def blobs(authority: Authority, tmp_path: Path) -> Generator[Blobs]:
    """A download server."""
    server = Blobs(authority, tmp_path)
    try:
        yield server
    finally:
        server.close()
