"""The two web servers of the process: the screens' and API's, and the nodes' port.

uvicorn, run inside the process's own task group: sockets are bound before (a
taken port is then a plain error), signals are main's business.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Generator
from typing import Any

import uvicorn

from fleet_server.errors import SettingsError

# Open requests get this long at the end; event streams end by themselves before.
GRACE_S = 1


class QuietServer(uvicorn.Server):
    """A uvicorn server that leaves the signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """No handlers: `main` ends the process."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        SettingsError: the port is taken or not allowed.
    """
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is;
    # with it every answer waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise SettingsError(f"Cannot listen on {host}:{port}: {reason}.", field="port") from error
    return listener


def make_server(app: Any, tls: ssl.SSLContext | None = None) -> QuietServer:
    """A server for one ASGI application; it serves on the sockets that `serve` is given."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # No proxy stands before it by default, so nobody may name an address but the socket.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    return QuietServer(config)
