"""One byte stream to a server: TCP, with TLS above it, for asyncio.

Stock asyncio polls a TLS socket a thousand times a second, because it has no file
descriptor; here the raw socket below is awaited instead. TLS may hold decrypted bytes that
the raw socket knows nothing of, so `receive` is called until it says None before waiting.

A refused certificate of the server raises ValueError in MicroPython, a refusal of ours
arrives as OSError at the first read: both leave here as ConnectionLostError.

    stream = Stream()
    await stream.open("fleet.example", 8883, context, "fleet.example")
    stream.send(b"...")
    await stream.readable(1000)
    data = stream.receive()
"""

import asyncio
import errno
import socket

from firmware.core.errors import ConnectionLostError, LinkError
from firmware.core.limits import CONNECT_TIMEOUT_MS, RECEIVE_BYTES

_POLL_MS = 50
_BUSY = (errno.EAGAIN, errno.EINPROGRESS, errno.EALREADY)


def _until_readable(raw: object) -> object:
    # A generator is what this asyncio awaits; queue_read is how its own streams wait.
    yield asyncio.core._io_queue.queue_read(raw)


def _until_writable(raw: object) -> object:
    yield asyncio.core._io_queue.queue_write(raw)


class Stream:
    """A connection, from `open` to `close`; not used again after that."""

    def __init__(self) -> None:
        self._raw = None
        self._socket = None
        # The piece that the socket has in hand: TLS wants exactly it again after a "busy".
        self._piece = None
        self._queue = []

    async def open(self, host: str, port: int, context: object, server_name: str) -> None:
        """Connect; the name is resolved anew each time.

        Raises:
            LinkError: no such host, or nobody answers.
            ConnectionLostError: refused.
        """
        try:
            # Blocks on every port of MicroPython; the watchdog is longer than DNS.
            address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
            self._raw = socket.socket(address[0], socket.SOCK_STREAM)
            self._raw.setblocking(False)
            try:
                self._raw.connect(address[-1])
            except OSError as error:
                if error.errno not in _BUSY:
                    raise
            await asyncio.wait_for_ms(_until_writable(self._raw), CONNECT_TIMEOUT_MS)
            self._socket = self._raw
            if context is not None:
                self._socket = context.wrap_socket(
                    self._raw, server_hostname=server_name, do_handshake_on_connect=False
                )
        except asyncio.TimeoutError:
            self.close()
            raise LinkError("no answer from " + host) from None
        except (OSError, ValueError) as error:
            self.close()
            raise LinkError("%s: %r" % (host, error)) from None
        except asyncio.CancelledError:
            self.close()
            raise

    def send(self, data: bytes) -> None:
        """Take bytes for sending, and send what the socket takes now."""
        self._queue.append(data)
        self.flush()

    def flush(self) -> bool:
        """Send on; whether nothing is left.

        Raises:
            ConnectionLostError: the other side is gone, or its certificate is refused.
        """
        while self._piece is not None or self._queue:
            if self._piece is None:
                self._piece = self._queue.pop(0)
            try:
                sent = self._socket.write(self._piece)
            except OSError as error:
                if error.errno in _BUSY:
                    return False
                raise ConnectionLostError("write: %r" % error) from None
            except ValueError as error:
                raise ConnectionLostError("TLS: %r" % error) from None
            if not sent:
                return False
            self._piece = self._piece[sent:] if sent < len(self._piece) else None
        return True

    def receive(self) -> bytes | None:
        """Bytes that are there now; None if there are none.

        Raises:
            ConnectionLostError: the other side closed, or refused our certificate.
        """
        try:
            data = self._socket.read(RECEIVE_BYTES)
        except OSError as error:
            if error.errno in _BUSY:
                return None
            raise ConnectionLostError("read: %r" % error) from None
        except ValueError as error:
            raise ConnectionLostError("TLS: %r" % error) from None
        if data == b"":
            raise ConnectionLostError("closed by the other side")
        return data

    async def readable(self) -> None:
        """Wait until bytes come in on the raw socket; the caller bounds the wait."""
        await _until_readable(self._raw)

    async def drain(self, timeout_ms: int) -> None:
        """Wait until all is sent; the handshake happens in here.

        Raises:
            ConnectionLostError: also when the time is over.
        """
        waited_ms = 0
        while not self.flush():
            if waited_ms >= timeout_ms:
                raise ConnectionLostError("nothing can be sent")
            try:
                # In a handshake it is mostly the server's turn; else the buffer is full.
                await asyncio.wait_for_ms(self.readable(), _POLL_MS)
            except asyncio.TimeoutError:
                waited_ms += _POLL_MS

    def close(self) -> None:
        """Close at once; harmless when never opened or closed before."""
        for end in (self._socket, self._raw):
            if end is not None:
                try:
                    end.close()
                except OSError:
                    pass  # it is gone either way
        self._socket = None
        self._raw = None
        self._queue = []
        self._piece = None
