"""One byte stream to a server: TCP, with TLS above it, for asyncio.

Stock asyncio polls a TLS socket a thousand times a second, because it has no file
descriptor; here the raw socket below is awaited instead. TLS may hold decrypted bytes that
the raw socket knows nothing of, so `receive` is called until it says None before waiting.

A server whose certificate fails raises ValueError in MicroPython; a refusal of ours arrives as
a TLS alert, an OSError, often only at the first read after the handshake. Each has its name here.

Cancelled at any wait, nothing is left behind once `close` was called.

    stream = Stream()
    await stream.open("fleet.example", 8883, context, "fleet.example")
    stream.send(b"...")
    while (data := stream.receive()) is None:
        await stream.readable()
"""

import asyncio
import errno
import select
import socket
import time

from firmware.core.errors import (
    CertificateRefusedError,
    ConnectionLostError,
    LinkError,
    ServerUntrustedError,
)
from firmware.core.limits import CONNECT_TIMEOUT_MS, RECEIVE_BYTES, SEND_PIECES
from firmware.net import names

_POLL_MS = 20
_BUSY = (errno.EAGAIN, errno.EINPROGRESS, errno.EALREADY)
# MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: the other side ends it in TLS's own words.
_ALERT = -0x7780


def _until_readable(raw: object) -> object:
    # A generator is what this asyncio awaits; queue_read is how its own streams wait.
    yield asyncio.core._io_queue.queue_read(raw)


class Stream:
    """A connection, from `open` to `close`, which its owner calls whatever happens."""

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
        """
        try:
            address = await names.resolve(host, port, socket.SOCK_STREAM)
            raw = self._raw = socket.socket(address[0], socket.SOCK_STREAM)
            raw.setblocking(False)
            try:
                raw.connect(address[-1])
            except OSError as error:
                if error.errno not in _BUSY:
                    raise
            # Looked at in steps: wait_for around a socket leaves a task behind when cancelled.
            poller = select.poll()
            poller.register(raw, select.POLLOUT)
            began_ms = time.ticks_ms()
            while not poller.poll(0):
                if time.ticks_diff(time.ticks_ms(), began_ms) > CONNECT_TIMEOUT_MS:
                    raise OSError(errno.ETIMEDOUT)
                await asyncio.sleep_ms(_POLL_MS)
            self._socket = raw
            if context is not None:
                self._socket = context.wrap_socket(
                    raw, server_hostname=server_name, do_handshake_on_connect=False
                )
        except (OSError, ValueError) as error:
            raise LinkError("%s: %r" % (host, error)) from None

    def send(self, data: bytes) -> None:
        """Take bytes for sending, and send what the socket takes now.

        Raises:
            ConnectionLostError: as `flush`; also when more waits than is ours to hold.
        """
        if len(self._queue) >= SEND_PIECES:
            raise ConnectionLostError("nothing is taken")
        self._queue.append(data)
        self.flush()

    def flush(self) -> bool:
        """Send on; whether nothing is left.

        Raises:
            ConnectionLostError: the other side is gone.
            ServerUntrustedError, CertificateRefusedError: one of the two is not believed.
        """
        while self._piece is not None or self._queue:
            if self._piece is None:
                self._piece = self._queue.pop(0)
            sent = self._call("write", self._piece)
            if not sent:
                return False
            self._piece = self._piece[sent:] if sent < len(self._piece) else None
        return True

    def receive(self) -> bytes | None:
        """Bytes that are there now; None if there are none.

        Raises:
            As `flush`.
        """
        data = self._call("read", RECEIVE_BYTES)
        if data == b"":
            raise ConnectionLostError("closed by the other side")
        return data

    def _call(self, what: str, argument: object) -> object:
        try:
            return getattr(self._socket, what)(argument)
        except OSError as error:
            if error.errno in _BUSY:
                return None
            if error.errno == _ALERT:
                raise CertificateRefusedError() from None
            raise ConnectionLostError("%s: %r" % (what, error)) from None
        except ValueError as error:
            raise ServerUntrustedError(str(error).strip()) from None

    async def readable(self) -> None:
        """Wait until bytes come in on the raw socket; the caller bounds the wait."""
        await _until_readable(self._raw)

    async def drain(self, timeout_ms: int) -> None:
        """Wait until all is sent; the handshake happens in here.

        Raises:
            As `flush`; ConnectionLostError also when the time is over.
        """
        began_ms = time.ticks_ms()
        while not self.flush():
            if time.ticks_diff(time.ticks_ms(), began_ms) > timeout_ms:
                raise ConnectionLostError("nothing can be sent")
            await asyncio.sleep_ms(_POLL_MS)

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
