"""What the broker denies is read from its log; what it says of every packet is left out."""

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.adapters.broker_log import PIPE_NAME, Denial, Pipe, decode, read_log
from tests.support.broker import connected, running_broker, wait_for
from tests.support.data_folder import data_folder, make_identity
from tests.support.ports import free_port

DENIED = (
    b"1795227600: Denied PUBLISH from pk-sl-001 (d0, q1, r0, m1, 'cf1/pk-sl-002/up/report',"
    b" ... (8 bytes))\n"
)
CHATTER = (
    b"1795227600: Received PUBLISH from pk-sl-001 (d0, q1, r0, m1, 'a', ... (8 bytes))\n"
    b"1795227600: Sending PUBACK to pk-sl-001 (m1, rc0)\n"
    b"1795227600: No will message specified.\n"
    b"1795227600: \tcf1/+/up/# (QoS 1)\n"
    b"1795227600: server-ingest 1 cf1/+/up/#\n"
    b"1795227600: Saving in-memory database to /data/mosquitto.db.\n"
)
WORDS = b"1795227600: mosquitto version 2.0.21 starting\n"


@given(st.lists(st.integers(1, 400), max_size=8))
def test_lines_are_told_apart_wherever_the_log_is_cut(cuts: list[int]) -> None:
    log = WORDS + CHATTER + DENIED + WORDS
    edges = sorted({0, len(log), *(cut for cut in cuts if cut < len(log))})
    chunks = [log[first:last] for first, last in itertools.pairwise(edges)]
    assert list(read_log(chunks)) == [WORDS, Denial("pk-sl-001", "cf1/pk-sl-002/up/report"), WORDS]


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    assert list(read_log([b"x" * 100_000, b"y" * 100_000, b"\n", WORDS]))[-1] == WORDS


@given(st.text(max_size=40), st.text(max_size=600))
def test_a_denial_survives_the_pipe(client: str, topic: str) -> None:
    line = Denial(client, topic).encode()
    assert len(line) <= 512
    found = decode(line)
    if not any(mark in client for mark in "\t\n") and client:
        assert found is not None
        assert found.client == client


def test_without_a_server_a_denial_is_dropped_and_later_ones_arrive(tmp_path: Path) -> None:
    path = tmp_path / PIPE_NAME
    pipe = Pipe(path)
    pipe.send(b"nobody\tthere\n")
    os.mkfifo(path)
    pipe.send(b"nobody\treads\n")
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    for _ in range(20_000):
        pipe.send(b"many\tof them\n")
    assert os.read(reader, 100).startswith(b"many\tof them\n")
    os.close(reader)


@pytest.mark.sockets
def test_the_watched_broker_is_mosquitto_itself_and_its_log_stays_short(tmp_path: Path) -> None:
    settings = data_folder(tmp_path / "data", free_port())
    with running_broker(settings, watched=True) as broker:
        with connected(broker, make_identity(settings, "pk-sl-001")) as node:
            node.publish("cf1/pk-sl-001/up/report", b"mine")
        broker.stop()
        wait_for(lambda: b"terminating" in broker.log.read_bytes(), "its last words")
        log = broker.log.read_bytes()
    assert b" running" in log
    assert b"PUBLISH" not in log
