"""Names to addresses: packets as they come and as they should not, and a live name server."""

import asyncio
import socket
import sys

import check

from firmware.core.errors import NameNotFoundError
from firmware.net import dns, names

dns.port = int(sys.argv[1])
dns._ANSWER_MS = 200
NAME = "broker.example"
ASKED = dns.question(NAME, 0x1234)
ALIAS = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x06\x03alt\xc0\x13"
ADDRESS = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x01\x02\x03"


def answer(records: bytes, count: int, flags: bytes = b"\x81\x80", asked: bytes = ASKED) -> bytes:
    head = asked[:2] + flags + b"\x00\x01" + count.to_bytes(2, "big") + bytes(4)
    return head + asked[12:] + records


@check.case
def a_question_is_that_of_the_standard() -> None:
    check.equal(
        ASKED,
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06broker\x07example\x00\x00\x01\x00\x01",
    )
    for host in ("", ".", "a..b", "a" * 64 + ".b", "a." * 130, "x."):
        check.raises(NameNotFoundError, dns.question, host, 1)


@check.case
def addresses_need_no_question() -> None:
    for host in ("127.0.0.1", "0.0.0.0", "255.255.255.255"):
        assert names.is_address(host)
    for host in ("", "1.2.3", "1.2.3.4.5", "256.1.1.1", "a.b.c.d", "1.2.3.", "broker", "-1.2.3.4"):
        assert not names.is_address(host), host


@check.case
def an_address_is_found_behind_an_alias() -> None:
    check.equal(dns.answer_of(answer(ADDRESS, 1), ASKED), "10.1.2.3")
    check.equal(dns.answer_of(answer(ALIAS + ADDRESS, 2), ASKED), "10.1.2.3")
    # Servers may mix the case of letters.
    loud = answer(ADDRESS, 1).replace(b"broker", b"BroKer")
    check.equal(dns.answer_of(loud, ASKED), "10.1.2.3")


@check.case
def what_is_no_answer_to_us_is_passed_over() -> int:
    good = answer(ADDRESS, 1)
    bad = (
        b"",
        good[:11],
        b"\x12\x35" + good[2:],
        good[:2] + b"\x01\x80" + good[4:],
        answer(ADDRESS, 1, asked=dns.question("other.example", 0x1234)),
        answer(ADDRESS, 1, flags=b"\x81\x82"),
        answer(ADDRESS[:-1], 1),
        answer(ADDRESS[:8], 1),
    )
    for one in bad:
        check.equal(dns.answer_of(one, ASKED), None)
    return len(bad)


@check.case
def no_such_name_and_no_address_are_named() -> None:
    check.raises(NameNotFoundError, dns.answer_of, answer(b"", 0, b"\x81\x83"), ASKED)
    check.raises(NameNotFoundError, dns.answer_of, answer(b"", 0), ASKED)
    check.raises(NameNotFoundError, dns.answer_of, answer(ALIAS, 1), ASKED)


@check.case
def any_bytes_behind_the_question_end_in_an_answer_or_an_error() -> int:
    seed = 7
    outcomes = [0, 0, 0]
    for _ in range(1500):
        tail = bytearray(ALIAS + ADDRESS)
        for _ in range(3):
            seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
            tail[(seed >> 8) % len(tail)] = seed >> 16 & 0xFF
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        packet = answer(bytes(tail[: (seed >> 16) % (len(tail) + 1)]), (seed >> 9) % 70)
        try:
            found = dns.answer_of(packet, ASKED)
            outcomes[found is None] += 1
        except NameNotFoundError:
            outcomes[2] += 1
    assert min(outcomes) > 0, outcomes
    return sum(outcomes)


async def address_of(host: str) -> str:
    found = await names.resolve(host, 8883, socket.SOCK_STREAM)
    return socket.inet_ntop(socket.AF_INET, found[-1][4:8])


@check.case
async def a_live_server_is_asked_beside_all_else() -> None:
    names.server = "127.0.0.1"
    steps = []

    async def lamp() -> None:
        while True:
            steps.append(1)
            await asyncio.sleep_ms(10)

    running = asyncio.create_task(lamp())
    check.equal(await address_of("good.example"), "10.9.8.7")
    # The second try is answered, after a forged and a late one.
    check.equal(await address_of("slow.example"), "10.9.8.6")
    assert len(steps) > 15, len(steps)
    await check.raises_async(NameNotFoundError, address_of("none.example"))
    error = await check.raises_async(NameNotFoundError, address_of("mute.example"))
    check.equal(error.name, "name_not_found")
    running.cancel()


@check.case
async def without_a_server_or_with_an_address_the_system_is_asked() -> None:
    names.server = "127.0.0.1"
    check.equal(await address_of("127.0.0.1"), "127.0.0.1")
    for none in (None, "0.0.0.0"):
        names.server = none
        check.equal(await address_of("localhost"), "127.0.0.1")


@check.case
async def a_server_that_is_not_there_is_named() -> None:
    names.server = "127.0.0.1"
    dns.port = 9
    await check.raises_async(NameNotFoundError, address_of("good.example"))


check.run()
