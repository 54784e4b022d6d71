"""Setting the clock from the network, for boards whose clock does not outlive the power.

SNTP, one question to the configured server before the first TLS connection (a node without
a set clock fails every certificate) and again each six hours. Only imported where config.json
names a time server.

Source: RFC 4330, client mode.
"""

import asyncio
import errno
import socket
import time

from firmware.core.errors import ClockNotSetError, LinkError
from firmware.core.log import log

_AGAIN_MS = 6 * 3600 * 1000
_ANSWER_MS = 5000
_STEP_MS = 100
_PACKET_BYTES = 48
# Seconds from 1900-01-01 to 1970-01-01.
_NTP_UNIX_S = 2208988800


class TimedLink:
    """A link that is up only once the time is set, and that keeps it set."""

    def __init__(self, link: object, server: list, clock: object) -> None:
        """`server` is [host, port]."""
        self._link = link
        self._server = server
        self._clock = clock
        self._synced_ms = None
        self.rssi_dbm = link.rssi_dbm

    async def up(self, beat: object) -> None:
        """Bring the link up and set the clock if that is due.

        Raises:
            ClockNotSetError: nobody tells the time and the own clock has none.
        """
        await self._link.up(beat)
        due = (
            self._synced_ms is None or time.ticks_diff(time.ticks_ms(), self._synced_ms) > _AGAIN_MS
        )
        if due:
            try:
                self._clock.set(await _ask(self._server[0], self._server[1], beat))
                self._synced_ms = time.ticks_ms()
            except (OSError, LinkError) as error:
                log("time", "no answer: %r" % error)
        if not self._clock.is_set():
            raise ClockNotSetError()


async def _ask(host: str, port: int, beat: object) -> int:
    """Unix seconds from one SNTP exchange."""
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0]
    sock = socket.socket(address[0], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        # The nonce in the transmit time comes back as the originate time of a true answer.
        nonce = time.ticks_us().to_bytes(8, "big")
        sock.sendto(b"\x23" + bytes(39) + nonce, address[-1])
        waited_ms = 0
        while waited_ms < _ANSWER_MS:
            beat()
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms += _STEP_MS
            try:
                answer = sock.recv(_PACKET_BYTES)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    continue
                raise
            second = _second_of(answer, nonce)
            if second is not None:
                return second
        raise LinkError("time server")
    finally:
        sock.close()


def _second_of(answer: bytes, nonce: bytes) -> int | None:
    """The time in an answer, None where it is not one to believe."""
    if len(answer) < _PACKET_BYTES or answer[24:32] != nonce:
        return None
    # Mode 4 is a server; stratum 0 is a refusal, leap 3 an unset clock.
    if answer[0] & 7 != 4 or answer[1] == 0 or answer[0] >> 6 == 3:
        return None
    second = int.from_bytes(answer[40:44], "big")
    # The era of 2036 begins at 0 again.
    return second - _NTP_UNIX_S + ((1 << 32) if second < 0x80000000 else 0)
