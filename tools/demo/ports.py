"""Chooses the TCP ports of the demo: the usual ones where they are free, the next ones where not.

A port counts as free when this machine lets us listen on it now, on the loopback address alone,
and no other demo of this user has chosen it and is still on its way to listening there.
"""

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"
HTTP_PORT = 8080
NODE_PORT = 8443
BROKER_PORT = 8883
# How many neighbours of a usual port are tried before the system chooses one.
NEIGHBOURS = 20


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one demo, all different.

    Attributes:
        http: screens and API.
        node: downloads for nodes, with client certificates.
        broker: MQTT over TLS.
        control: the bench's control line.
    """

    http: int
    node: int
    broker: int
    control: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The ports, and a sentence for each usual one that was taken."""

    ports: Ports
    notes: tuple[str, ...]

    def taken(self) -> bool:
        """Whether somebody else listens on one of the ports; ask when nothing of ours does."""
        return not all(port_is_free(port) for port in astuple(self.ports))


def choose_ports(is_free: Callable[[int], bool] | None = None) -> Choice:
    """Chooses all ports of a demo.

    Args:
        is_free: tells whether a port can be listened on; by default the machine is asked.
    """
    free = is_free or port_is_free
    taken: set[int] = set()
    notes: list[str] = []

    def pick(preferred: int, what: str) -> int:
        for port in range(preferred, preferred + NEIGHBOURS):
            if port not in taken and free(port):
                break
        else:
            port = any_free_port()
        taken.add(port)
        if port != preferred:
            notes.append(f"port {preferred} is taken; {what} uses {port}")
        return port

    http = pick(HTTP_PORT, "the fleet server")
    node = pick(NODE_PORT, "the download of nodes")
    broker = pick(BROKER_PORT, "the broker")
    return Choice(Ports(http, node, broker, any_free_port()), tuple(notes))


class PortClaims:
    """Claims on ports among the demos of one user; they end with the context, or its process."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` holds a lock file per port; by default it is in the user's cache folder."""
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self._folder = folder or Path(base) / "cityfleet" / "demo-ports"
        self._claims = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._claims.close()

    def take(self, port: int) -> bool:
        """Claims a port if it is free; whether it is ours now."""
        return port_is_free(port) and self._claim(port)

    def _claim(self, port: int) -> bool:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            claim = (self._folder / str(port)).open("wb")
        except OSError:
            # Without a cache folder there are no claims, only the look at the port itself.
            return True
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            claim.close()
            return False
        self._claims.callback(claim.close)
        return True


def port_is_free(port: int) -> bool:
    """Whether this machine lets us listen on a loopback port now.

    Raises:
        OSError: the machine refuses for another reason than that the port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last user has just gone is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def any_free_port() -> int:
    """A port that the system chooses."""
    with listen_anywhere() as probe:
        return port_of(probe)


def listen_anywhere() -> socket.socket:
    """Listens on a loopback port that the system chooses."""
    return socket.create_server((LOOPBACK, 0))


def port_of(listener: socket.socket) -> int:
    """The port on which a socket listens."""
    return int(listener.getsockname()[1])
