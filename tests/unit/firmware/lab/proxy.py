"""A fault proxy between a node and its broker: delays, cuts, mutes, holds back, adds garbage."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterable


class Proxy:
    """Passes bytes between a port of its own and a target, as badly as it is told to.

    Attributes:
        port: Where the node connects.
        accepted: How many connections there were.
        cut_after: Bytes towards the node after which each connection is cut; None for never.
        cuts: For one connection each, from the next on: (whether towards the node, bytes let
            through before the cut, to the byte).
        drops: How many of the next connections are closed as soon as they are made.
        garbage_after: Bytes towards the node after which garbage is put in, once.
        is_mute: Takes bytes and passes none on: a half-open connection.
        piece: Largest piece passed on at once.
        delay_s: How long each piece waits.
    """

    def __init__(self, target: int) -> None:
        self.accepted = 0
        self.cut_after: int | None = None
        self.cuts: list[tuple[bool, int]] = []
        self.drops = 0
        self.garbage_after: int | None = None
        self.is_mute = False
        self.piece = 65536
        self.delay_s = 0.0
        # Pieces towards the broker by connection, while they are held back.
        self._held: dict[socket.socket, list[bytes]] | None = None
        self._holding = threading.Lock()
        self._target = target
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        """End everything."""
        self._closing = True
        self.release(())
        self.cut()
        for thread in list(self._threads):
            thread.join(10)
        self._listener.close()

    def cut(self) -> None:
        """Cut all connections."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut_near(self) -> None:
        """Cut the node's side of all connections; the broker's stands while it is held."""
        for one in self._sockets[::2]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def hold(self) -> None:
        """Keep what goes to the broker, also of connections that end meanwhile."""
        with self._holding:
            self._held = {}

    def release(self, order: Iterable[int] | None = None) -> None:
        """Pass on what was held, connection by connection in this order; None: as it came."""
        with self._holding:
            held, self._held = self._held or {}, None
            connections = list(held.items())
            for number in range(len(connections)) if order is None else order:
                sink, pieces = connections[number]
                with contextlib.suppress(OSError):
                    for piece in pieces:
                        sink.sendall(piece)

    def held(self) -> int:
        """How many connections have something held back."""
        with self._holding:
            return sum(1 for pieces in (self._held or {}).values() if pieces)

    def _start(self, target: "object", *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.accepted += 1
            if self.drops:
                self.drops -= 1
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [near, far]
            is_down, most = self.cuts.pop(0) if self.cuts else (False, None)
            self._start(self._pass, near, far, False, None if is_down else most)
            self._start(self._pass, far, near, True, most if is_down else None)

    def _pass(
        self, source: socket.socket, sink: socket.socket, is_down: bool, most: int | None
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while most != 0 and (data := source.recv(self.piece)):
                if self.delay_s:
                    time.sleep(self.delay_s)
                if self.is_mute:
                    continue
                passed += len(data)
                if is_down and self.garbage_after is not None and passed > self.garbage_after:
                    self.garbage_after = None
                    data = bytes(len(data)) + data
                if is_down and self.cut_after is not None and passed > self.cut_after:
                    sink.sendall(data[: len(data) // 2])
                    break
                if most is not None and passed >= most:
                    sink.sendall(data[: len(data) - (passed - most)])
                    break
                if not is_down and self._is_held(sink, data):
                    continue
                sink.sendall(data)
        while not is_down and self._is_held(sink, b""):
            time.sleep(0.01)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _is_held(self, sink: socket.socket, data: bytes) -> bool:
        with self._holding:
            if self._held is None:
                return False
            self._held.setdefault(sink, []).append(data)
            if not data:
                self._held[sink].pop()
            return True
