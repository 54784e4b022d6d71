"""A peer that speaks MQTT as no broker would: a script of steps, played on each connection."""

import contextlib
import socket
import threading
import time
from types import TracebackType

_PUBLISH = 3
_SUBSCRIBE = 8
_PINGREQ = 12

Step = tuple[str, int | bytes]


class Peer:
    """Listens, and plays its steps: ("read", n) reads n times, ("send", bytes) sends,
    ("wait", s) reads for so long, ("flood", bytes) sends again and again and never reads,
    ("ack", 0) answers publishes and pings, ("ack but", n) all but packet n, ("ack for", n) so
    for n tenths of a second and hangs up.

    Attributes:
        port: Where the node connects.
        accepted: How many connections there were.
        received: All that came.
    """

    def __init__(self, *steps: Step) -> None:
        self.accepted = 0
        self.received = b""
        self._steps = steps
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "Peer":
        self._thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.accepted += 1
            connection.settimeout(0.05)
            with connection, contextlib.suppress(ConnectionError, EOFError):
                for what, argument in self._steps:
                    self._play(connection, what, argument)

    def _play(self, connection: socket.socket, what: str, argument: int | bytes) -> None:
        if isinstance(argument, bytes):
            while True:
                with contextlib.suppress(TimeoutError):
                    connection.sendall(argument)
                if what == "send" or self._closing.is_set():
                    return
        lasts_s = {"wait": argument, "ack for": argument / 10}.get(what, 60)
        end = time.monotonic() + lasts_s
        left = argument if what == "read" else 1 << 30
        while left and time.monotonic() < end and not self._closing.is_set():
            data = self._read(connection)
            if data:
                left -= 1
                if what.startswith("ack"):
                    connection.sendall(_answers(data, argument if what == "ack but" else 0))

    def _read(self, connection: socket.socket) -> bytes:
        try:
            data = connection.recv(65536)
        except TimeoutError:
            return b""
        if not data:
            raise EOFError
        self.received += data
        return data


def _answers(data: bytes, but: int) -> bytes:
    """The answers to whole packets of less than 128 bytes."""
    out = b""
    while data:
        kind, size = data[0] >> 4, data[1]
        packet, data = data[2 : 2 + size], data[2 + size :]
        if kind == _PINGREQ:
            out += b"\xd0\x00"
        elif kind == _SUBSCRIBE:
            granted = bytes(packet.count(b"/down/"))
            out += bytes((0x90, 2 + len(granted))) + packet[:2] + granted
        elif kind == _PUBLISH:
            at = 2 + int.from_bytes(packet[:2], "big")
            packet_id = packet[at : at + 2]
            out += b"" if int.from_bytes(packet_id, "big") == but else b"\x40\x02" + packet_id
    return out
