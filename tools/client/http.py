"""The one HTTP client of the tools: a request, and every way it can fail as a plain line.

    with FleetClient("http://127.0.0.1:8080", token) as client:
        nodes = client.get("nodes", kind="streetlight")["nodes"]

Owns addresses below /api/v1, the login header, timeouts, and the translation of the server's
errors into `tools.errors`. A write is never repeated by itself, since the first may have arrived.
"""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import httpx

from tools.errors import (
    FileError,
    ForbiddenError,
    LoginNeededError,
    NotFoundError,
    RefusedError,
    ServerFaultError,
    ToolError,
    UnreachableError,
)

API = "/api/v1/"
CONNECT_TIMEOUT_S = 5.0
# The longest honest answer is a release upload that the server verifies before it answers.
ANSWER_TIMEOUT_S = 30.0
# The server says something on an open stream at least this often, or the line is dead.
STREAM_SILENCE_S = 60.0


class FleetClient:
    """One connection to one fleet server with one login."""

    def __init__(self, server: str, token: str = "", ca_file: Path | None = None) -> None:
        self.server = server
        headers = {"accept": "application/json", "user-agent": "cityfleet"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        self._had_token = bool(token)
        self._http = httpx.Client(
            base_url=server,
            headers=headers,
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            verify=_trust(server, ca_file),
            # A proxy of the environment must not see the login of a server on this machine.
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connection back."""
        self._http.close()

    def get(self, path: str, **query: object) -> Any:
        """Reads; a query of None is left out.

        Raises:
            ToolError: one of `tools.errors`, with a line for the user.
        """
        parameters = {key: str(value) for key, value in query.items() if value is not None}
        return self._send("GET", path, params=parameters)

    def post(self, path: str, body: object = None) -> Any:
        """Writes something new, or asks for an action. Raises as `get`."""
        return self._send("POST", path, json={} if body is None else body)

    def put(self, path: str, body: object) -> Any:
        """Replaces something. Raises as `get`."""
        return self._send("PUT", path, json=body)

    def delete(self, path: str, body: object = None) -> Any:
        """Takes something away. Raises as `get`."""
        return self._send("DELETE", path, json={} if body is None else body)

    def upload(self, path: str, name: str, data: bytes) -> Any:
        """Sends one file as the form field `file`. Raises as `get`."""
        return self._send("POST", path, files={"file": (name, data, "application/octet-stream")})

    def answers(self, path: str = "/readyz") -> bool:
        """Whether the server says yes at a path outside the API; never raises."""
        try:
            return self._http.get(path).is_success
        except httpx.TransportError:
            return False

    def stream(self, path: str = "stream") -> Iterator[tuple[str, str]]:
        """Server-sent events as (event name, data) until the server ends the stream.

        Raises:
            UnreachableError: the line broke or fell silent.
        """
        timeout = httpx.Timeout(STREAM_SILENCE_S, connect=CONNECT_TIMEOUT_S)
        try:
            with self._http.stream("GET", API + path, timeout=timeout) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self._error(answer)
                yield from _events(answer.iter_lines())
        except httpx.TransportError as error:
            raise UnreachableError(f"{self.server} ended the live stream; try again") from error

    def _send(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._http.request(method, API + path, **arguments)
        except httpx.TimeoutException as error:
            raise UnreachableError(
                f"{self.server} did not answer in time; is it busy or stopped?"
            ) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise UnreachableError(
                f"no fleet server answers at {self.server} ({_cause(error)}); "
                "start it, or name another with --server"
            ) from error
        if not answer.is_success:
            raise self._error(answer)
        if answer.status_code == HTTPStatus.NO_CONTENT or not answer.content:
            return {}
        try:
            return answer.json()
        except ValueError as error:
            raise ServerFaultError(
                f"{self.server} answered something that is not JSON; is it a fleet server?"
            ) from error

    def _error(self, answer: httpx.Response) -> ToolError:
        code, message, field = _server_words(answer)
        status = answer.status_code
        if status == HTTPStatus.UNAUTHORIZED:
            if self._had_token:
                return LoginNeededError(
                    f"the login at {self.server} has expired or was ended; run: cityfleet login"
                )
            return LoginNeededError(message or "user name or password is wrong")
        if status == HTTPStatus.FORBIDDEN:
            return ForbiddenError(
                f"no permission: {(message or 'the server refused').rstrip('.')}; "
                "ask an administrator for the role, or log in as somebody else"
            )
        if status == HTTPStatus.NOT_FOUND:
            return NotFoundError(message or f"{answer.request.url.path} does not exist there")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not code:
            return ServerFaultError(
                f"the fleet server failed (HTTP {status}); its log says why, then try again"
            )
        where = f" (field {field})" if field else ""
        return RefusedError((message or f"HTTP {status}") + where, code, field)


def segment(text: str) -> str:
    """A name as one piece of a path, whatever characters it has."""
    return quote(text, safe="")


def _trust(server: str, ca_file: Path | None) -> Any:
    if not server.startswith("https:") or ca_file is None:
        return server.startswith("https:")
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise FileError(f"{ca_file} is not a file of CA certificates") from error


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _server_words(answer: httpx.Response) -> tuple[str, str, str]:
    """(code, message, field) of the API's error document; empty where it has none."""
    try:
        document: object = answer.json()
    except ValueError:
        return "", "", ""
    if not isinstance(document, dict):
        return "", "", ""
    inner = cast("dict[str, Any]", document).get("error")
    if not isinstance(inner, dict):
        return "", "", ""
    words = cast("dict[str, Any]", inner)
    # One line, whatever the server put into its message.
    message = " ".join(str(words.get("message") or "").split())
    return str(words.get("code") or ""), message, str(words.get("field") or "")


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Splits a text/event-stream.

    Source: WHATWG HTML, 9.2.6 Interpreting an event stream.
    """
    name, data = "message", ""
    for line in lines:
        if not line:
            if data:
                yield name, data
            name, data = "message", ""
        elif line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data += ("\n" if data else "") + line.removeprefix("data:").removeprefix(" ")
