"""Setting the clock from the network, for boards whose clock does not outlive the power.

SNTP, one question to the configured server before the first TLS connection (a node without
a set clock fails every certificate) and again each six hours. Only loaded where config.json
names a time server.

A time that is known to have been is a floor on flash: no clock below it is believed and no
server that tells less is followed, so nobody can bring a certificate back that has run out.
The floor rises only by a time at which the broker's certificate was good, so nobody can
push it into the future either.

Source: RFC 4330, client mode.
"""

import asyncio
import errno
import os
import socket
import time

from firmware.core.errors import LinkError
from firmware.core.log import log
from firmware.core.storage import read_checked, write_checked
from firmware.net import names
from firmware.net.errors import TimeFloorError

_FILE = "state/time"
_AGAIN_MS = 6 * 3600 * 1000
# Two writes a day at most.
_RISE_S = 12 * 3600
_ANSWER_MS = 5000
_STEP_MS = 100
_PACKET_BYTES = 48
# Seconds from 1900-01-01 to 1970-01-01.
_NTP_UNIX_S = 2208988800


class TimeSync:
    """Keeps a clock set, and its floor."""

    def __init__(self, server: list, clock: object) -> None:
        """`server` is [host, port]; the clock's floor is in force from here on."""
        self._server = server
        self._clock = clock
        self._synced_ms = None
        data, _ = read_checked(_FILE)
        if data is not None and len(data) == 4:
            clock.floor_s = int.from_bytes(data, "big")

    async def up(self, beat: object) -> None:
        """Set the clock if that is due; a clock that has a time goes on without an answer.

        Raises:
            TimeFloorError: the clock has no time, and the server tells one that has been.
        """
        now_ms = time.ticks_ms()
        is_set = self._clock.is_set()
        if is_set and self._synced_ms is not None:
            if time.ticks_diff(now_ms, self._synced_ms) <= _AGAIN_MS:
                return
        try:
            now_s = await _ask(self._server[0], self._server[1], beat)
            if now_s < self._clock.floor_s:
                raise TimeFloorError("%d below %d" % (now_s, self._clock.floor_s))
            self._clock.set(now_s)
            self._synced_ms = now_ms
        except TimeFloorError as error:
            log("time", str(error))
            if not is_set:
                raise
        except (OSError, LinkError) as error:
            log("time", "no answer: %r" % error)

    def proven(self) -> None:
        """The time of now has been: a certificate was good at it."""
        now_s = self._clock.now_s()
        if now_s >= self._clock.floor_s + _RISE_S:
            self._clock.floor_s = now_s
            try:
                write_checked(_FILE, now_s.to_bytes(4, "big"))
            except OSError as error:
                log("time", "floor not kept: %r" % error)


async def _ask(host: str, port: int, beat: object) -> int:
    """Unix seconds from one SNTP exchange."""
    beat()
    address = await names.resolve(host, port, socket.SOCK_DGRAM)
    sock = socket.socket(address[0], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        # The nonce in the transmit time comes back as the originate time of a true answer.
        nonce = os.urandom(8)
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
