"""A question to a name server, and its answer, bounded and beside all else.

    address = await dns.ask("fleet.example", "10.0.0.1")       # "10.1.2.3"

Source: RFC 1035, sections 4.1 and 4.2.1.
"""

import asyncio
import errno
import os
import socket
import time

from firmware.core.errors import NameNotFoundError

# Only a test asks elsewhere: a port below 1024 is not everyone's to open.
port = 53

_TRIES = 3
_ANSWER_MS = 2000
_STEP_MS = 20
# Without EDNS no answer is longer.
_PACKET_BYTES = 512
_TYPE_A = b"\x00\x01\x00\x01"
_HEAD_BYTES = 12
# A chain of aliases and some addresses.
_RECORDS = 16
_NO_SUCH_NAME = 3


async def ask(host: str, server: str) -> str:
    """The address of a host, from one name server.

    Raises:
        NameNotFoundError: there is no such name, or nobody tells.
    """
    asked = question(host, int.from_bytes(os.urandom(2), "big"))
    end = socket.getaddrinfo(server, port, 0, socket.SOCK_DGRAM)[0]
    sock = socket.socket(end[0], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        # Connected, so that only this server's packets come in.
        sock.connect(end[-1])
        for _ in range(_TRIES):
            sock.send(asked)
            began_ms = time.ticks_ms()
            while time.ticks_diff(time.ticks_ms(), began_ms) < _ANSWER_MS:
                await asyncio.sleep_ms(_STEP_MS)
                try:
                    address = answer_of(sock.recv(_PACKET_BYTES), asked)
                except OSError as error:
                    if error.errno == errno.EAGAIN:
                        continue
                    break  # nobody listens there: a try less
                if address is not None:
                    return address
    finally:
        sock.close()
    raise NameNotFoundError("no answer from " + server)


def question(host: str, number: int) -> bytes:
    """The query for the address of a host, under a 16-bit number.

    Raises:
        NameNotFoundError: no name can be like that.
    """
    labels = host.encode().split(b".")
    if len(host) > 253 or not all(0 < len(label) < 64 for label in labels):
        raise NameNotFoundError(host[:64])
    out = bytearray(number.to_bytes(2, "big"))
    # Recursion wanted, one question.
    out.extend(b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    for label in labels:
        out.append(len(label))
        out.extend(label)
    out.append(0)
    out.extend(_TYPE_A)
    return bytes(out)


def answer_of(packet: bytes, asked: bytes) -> str | None:
    """The address in an answer to `asked`; None where it is no answer to it.

    Raises:
        NameNotFoundError: the server says that there is none.
    """
    end = len(asked)
    # The same number, an answer, the same question: else it is somebody else's, or forged.
    if len(packet) < end or packet[:2] != asked[:2] or packet[4:6] != asked[4:6]:
        return None
    if packet[2] & 0xF8 != 0x80 or packet[_HEAD_BYTES:end].lower() != asked[_HEAD_BYTES:].lower():
        return None
    if packet[3] & 15 == _NO_SUCH_NAME:
        raise NameNotFoundError("no such name")
    if packet[3] & 15:
        return None  # it has trouble of its own: ask again
    for _ in range(min(packet[6] << 8 | packet[7], _RECORDS)):
        end = _after_name(packet, end)
        head = packet[end : end + 10]
        size = head[8] << 8 | head[9] if len(head) == 10 else 65536
        data = packet[end + 10 : end + 10 + size]
        if len(data) != size:
            return None
        if head[:4] == _TYPE_A and size == 4:
            return "%d.%d.%d.%d" % tuple(data)
        end += 10 + size
    raise NameNotFoundError("no address")


def _after_name(packet: bytes, at: int) -> int:
    """Where what follows a name begins; a pointer ends it."""
    while at < len(packet):
        size = packet[at]
        if size >= 0xC0:
            return at + 2
        if not size:
            return at + 1
        at += 1 + size
    return at
