"""A small real HTTP server that answers as it is told and remembers what it was asked."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class SmallServer:
    """What the server answers, by method and path, and what it was asked."""

    address: str = ""
    answers: dict[str, tuple[int, str, bytes]] = field(
        default_factory=dict[str, tuple[int, str, bytes]]
    )
    asked: list[Asked] = field(default_factory=list[Asked])

    def answer(self, route: str, value: object, status: int = 200) -> None:
        """Answers `GET /path` with JSON."""
        self.answers[route] = (status, "application/json", json.dumps(value).encode())

    def answer_raw(self, route: str, text: str, status: int = 200, kind: str = "text/html") -> None:
        """Answers with a text as it is."""
        self.answers[route] = (status, kind, text.encode())

    def refuse(self, route: str, status: int, **error: str) -> None:
        """Answers with the API's error document."""
        self.answer(route, {"error": error}, status)


@contextmanager
def small_server() -> Generator[SmallServer]:
    """Serves on a free loopback port until the end of the block."""
    told = SmallServer()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.asked.append(Asked(self.command, self.path, headers, body))
            route = f"{self.command} {self.path.partition('?')[0]}"
            missing = (404, "application/json", b'{"error":{"code":"not_found","message":"no"}}')
            status, kind, answer = told.answers.get(route, missing)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
