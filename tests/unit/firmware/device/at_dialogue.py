"""What a modem may say, and the frames of PPP, on the device."""

import check
from peripherals import ppp

from firmware.net import cellular
from firmware.net.modem import AtDialogue, value_of


class Babble:
    """A line that says what it was given, whatever it is asked."""

    def __init__(self, said: bytes, at_once: int = 60) -> None:
        self._said = said
        self._at_once = at_once

    def write(self, data: bytes) -> None:
        step = self._at_once
        self._pieces = [self._said[at : at + step] for at in range(0, len(self._said), step)]

    def read(self) -> bytes | None:
        pieces = getattr(self, "_pieces", [])
        return pieces.pop(0) if pieces else None


@check.case
async def any_bytes_are_an_answer_or_a_silence() -> int:
    noise = b"\r\nOKERO+:C,0 \x00\xff~"
    seed = 1
    count = 0
    for size in range(0, 400, 27):
        data = bytearray()
        for _ in range(size):
            seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
            data.append(noise[(seed >> 16) % len(noise)])
        final, lines = await AtDialogue(Babble(bytes(data))).ask("AT", 60, lambda: None)
        assert len(lines) <= 8 and len(final) <= 160
        count += 1
    long = b"x" * 5000 + b"\r\nOK\r\n"
    check.equal((await AtDialogue(Babble(long, 700)).ask("AT", 3000, lambda: None))[0], "OK")
    return count


@check.case
def values_of_answers_are_read_or_not_there() -> None:
    check.equal(value_of(["+CSQ: 18,99"], "+CSQ"), ["18", "99"])
    check.equal(value_of(["+CSQ:", "CSQ: 1"], "+CSQ"), None)
    for text, dbm in (("0", -113), ("31", -51), ("18", -77), ("99", None), ("x", None), ("", None)):
        check.equal(cellular.rssi_dbm([text]), dbm)
    check.equal((cellular.rssi_dbm(None), cellular.rssi_dbm([])), (None, None))


@check.case
def frames_of_ppp_have_the_checksum_of_the_standard() -> int:
    # RFC 1662, appendix C.1: the sequence over data and its own check is a constant.
    check.equal(ppp.fcs16(b"123456789"), 0x906E)
    out = []
    near = ppp.PppEnd(out.append)
    near.start()
    frame = b"".join(out)
    count = 0
    for index in range(1, len(frame) - 1):
        far = ppp.PppEnd(
            lambda data: None, {"own": "1.1.1.1", "address": "2.2.2.2", "dns": "3.3.3.3"}
        )
        flipped = bytearray(frame)
        flipped[index] ^= 1
        far.feed(bytes(flipped))
        check.equal(far._acks, set())
        count += 1
    return count


check.run()
