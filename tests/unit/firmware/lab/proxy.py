"""A fault proxy between a node and its broker: it delays, cuts, mutes and adds garbage."""

import contextlib
import socket
import threading
import time


class Proxy:
    """Passes bytes between a port of its own and a target, as badly as it is told to.

    Attributes:
        port: Where the node connects.
        accepted: How many connections there were.
        cut_after: Bytes towards the node after which each connection is cut; None for never.
        garbage_after: Bytes towards the node after which garbage is put in, once.
        is_mute: Takes bytes and passes none on: a half-open connection.
        piece: Largest piece passed on at once.
        delay_s: How long each piece waits.
    """

    def __init__(self, target: int) -> None:
        self.accepted = 0
        self.cut_after: int | None = None
        self.garbage_after: int | None = None
        self.is_mute = False
        self.piece = 65536
        self.delay_s = 0.0
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
        self.cut()
        for thread in list(self._threads):
            thread.join(10)
        self._listener.close()

    def cut(self) -> None:
        """Cut all connections."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

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
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [near, far]
            self._start(self._pass, near, far, False)
            self._start(self._pass, far, near, True)

    def _pass(self, source: socket.socket, sink: socket.socket, is_down: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(self.piece):
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
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
