"""MQTT packets and streams on the device. Vectors come from the host in vectors.json.

The rest needs no other opinion: a packet means the same wherever it is split, and no bytes at all
raise anything but MqttError or make the core hold more than its cap.
"""

import gc
import json
from binascii import hexlify, unhexlify

import check

from firmware.net import mqtt


def plain(event: tuple) -> list:
    """An event in JSON's terms."""
    return [hexlify(part).decode() if isinstance(part, bytes) else part for part in event]


def feed(stream: bytes, cuts: list, cap: int) -> object:
    """The events of a stream that arrives cut into pieces, or the word error."""
    core = mqtt.MqttCore(cap)
    events = []
    edges = [0] + cuts + [len(stream)]
    try:
        for index in range(len(edges) - 1):
            events.extend(core.feed(stream[edges[index] : edges[index + 1]]))
    except mqtt.MqttError:
        return "error"
    return [[list(part) if isinstance(part, tuple) else part for part in plain(e)] for e in events]


@check.case
def streams_give_the_same_events_however_they_are_cut() -> int:
    with open("vectors.json") as file:
        vectors = json.load(file)
    for vector in vectors:
        check.equal(
            feed(unhexlify(vector["stream"]), vector["cuts"], vector["cap"]), vector["events"]
        )
    return len(vectors)


@check.case
def packets_have_the_standards_bytes() -> None:
    check.equal(
        mqtt.connect_packet("ab", 60, None), b"\x10\x0e\x00\x04MQTT\x04\x00\x00\x3c\x00\x02ab"
    )
    check.equal(
        mqtt.connect_packet("ab", 60, ("t", b"w")),
        b"\x10\x14\x00\x04MQTT\x04\x0c\x00\x3c\x00\x02ab\x00\x01t\x00\x01w",
    )
    check.equal(mqtt.publish_packet("a/b", b"x", 10, False), b"\x32\x08\x00\x03a/b\x00\x0ax")
    check.equal(mqtt.publish_packet("a/b", b"x", 10, True)[0], 0x3A)
    check.equal(mqtt.subscribe_packet(["a"], 1), b"\x82\x06\x00\x01\x00\x01a\x01")
    check.equal(mqtt.publish_packet("t", bytes(200), 1, False)[1:3], b"\xcd\x01")


@check.case
def identifiers_are_not_given_twice_while_in_flight() -> None:
    core = mqtt.MqttCore(1000)
    first = core.take_id("a")
    reserved = core.reserve_id()
    core._last_id = 65534
    given = [core.take_id(number) for number in range(4)]
    check.equal(given, [65535, 3, 4, 5])
    check.equal((first, reserved), (1, 2))
    check.equal(core.feed(b"\x40\x02\x00\x01"), [(mqtt.PUBACK, "a")])
    check.equal(core.feed(b"\x40\x02\x00\x01"), [(mqtt.PUBACK, None)])


@check.case
def a_new_connection_keeps_only_what_must_be_repeated() -> None:
    core = mqtt.MqttCore(1000)
    core.take_id("publish")
    core.take_id(None)
    core.feed(b"\x30\x05\x00")
    core.restart()
    check.equal([entry[1] for entry in core.in_flight], ["publish"])
    check.equal(core.feed(b"\xd0\x00"), [(mqtt.PINGRESP,)])


CAP = 64
PACKETS = (
    b"\x20\x02\x01\x00",
    b"\x40\x02\x00\x07",
    b"\x90\x05\x00\x09\x01\x01\x80",
    b"\xd0\x00",
    mqtt.publish_packet("cf1/a/down/echo", b"12345", 300, False),
    mqtt.publish_packet("cf1/a/down/echo", b"12345", 300, True),
    b"\x30\x04\x00\x01tx",
    b"\x31\x03\x00\x01t",
    mqtt.publish_packet("cf1/a/down/desired", bytes(200), 301, False),
)


class Chance:
    """Numbers from a seed, the same on every port."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        # Numerical Recipes' generator, of which the upper half is good.
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 16) % limit

    def bytes(self, count: int) -> bytearray:
        return bytearray([self.below(256) for _ in range(count)])


@check.case
def every_packet_means_the_same_split_at_every_byte() -> int:
    splits = 0
    for number, first in enumerate(PACKETS):
        stream = first + PACKETS[(number + 4) % len(PACKETS)]
        whole = feed(stream, [], CAP)
        assert whole != "error"
        check.equal(len(whole), 2)
        for place in range(len(stream) + 1):
            check.equal(feed(stream, [place], CAP), whole)
            splits += 1
        check.equal(feed(stream, list(range(1, len(stream))), CAP), whole)
    return splits


@check.case
def garbage_raises_nothing_but_its_own_error_and_fills_no_memory() -> int:
    chance = Chance(20261121)
    refused = 0
    for _ in range(4000):
        core = mqtt.MqttCore(CAP)
        stream = chance.bytes(1 + chance.below(40))
        if chance.below(2):
            # A good beginning leads deeper than chance alone.
            good = bytearray(PACKETS[chance.below(len(PACKETS))])
            for _ in range(1 + chance.below(2)):
                good[chance.below(len(good))] = chance.below(256)
            stream = good + stream
        at = 0
        try:
            while at < len(stream):
                size = 1 + chance.below(9)
                core.feed(bytes(stream[at : at + size]))
                at += size
                assert core._body is None or len(core._body) <= 259
        except mqtt.MqttError:
            refused += 1
    assert refused > 2000
    return refused


@check.case
def a_message_above_the_cap_keeps_its_topic_and_identifier_and_costs_no_memory() -> None:
    core = mqtt.MqttCore(CAP)
    packet = mqtt.publish_packet("cf1/a/down/desired", bytes(60000), 77, False)
    gc.collect()
    events = []
    free = gc.mem_free()
    for at in range(0, len(packet), 1024):
        events += core.feed(memoryview(packet)[at : at + 1024])
        gc.collect()
        assert free - gc.mem_free() < 2048
    check.equal(events, [(mqtt.PUBLISH, "cf1/a/down/desired", None, 77)])
    check.equal(core.feed(b"\xd0\x00"), [(mqtt.PINGRESP,)])


@check.case
def a_message_without_room_on_the_heap_is_passed_over() -> None:
    core = mqtt.MqttCore(1 << 20)
    packet = mqtt.publish_packet("cf1/a/down/desired", bytes(100), 78, False)
    # 900 KB of which only the first bytes come: nothing of the kind is free.
    head = b"\x32\xa0\xf7\x36" + packet[2:]
    check.equal(core.feed(head), [])
    assert len(core._body) <= 259


@check.case
def what_a_server_may_not_send_is_named() -> None:
    for bad in (
        b"\x34\x05\x00\x01t\x00\x01",  # QoS 2
        b"\x32\x05\x00\x01t\x00\x00",  # identifier 0
        b"\x32\x02\x00\x09",  # topic beyond the packet
        b"\x30\x01\x00",  # half a length of a topic
        b"\x30\x00",
        b"\x30\x03\x00\x01\xff",  # not UTF-8
        b"\x20\x02\x02\x00",
        b"\x21\x02\x00\x00",  # flags of a fixed header
        b"\x40\x03\x00\x01\x00",
        b"\xd0\x01\x00",
        b"\x10\x02\x00\x00",  # a client's packet
        b"\x00\x00",
        b"\x32\xff\xff\xff\xff\x01",  # length of five bytes
        b"\x90\x11" + bytes(17),
    ):
        check.raises(mqtt.MqttError, mqtt.MqttCore(CAP).feed, bad)


check.run()
