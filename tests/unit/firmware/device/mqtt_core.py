"""MQTT packets and streams on the device. Vectors come from the host in vectors.json."""

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


check.run()
