"""The demo takes the usual ports, or says which others."""

import socket
from pathlib import Path

import pytest

from tools.demo.ports import (
    BROKER_PORT,
    HTTP_PORT,
    NEIGHBOURS,
    NODE_PORT,
    Choice,
    PortClaims,
    Ports,
    any_free_port,
    choose_ports,
    port_is_free,
)

pytestmark = pytest.mark.sockets


def test_free_ports_are_taken_without_a_word() -> None:
    choice = choose_ports(lambda port: True)
    ports = choice.ports
    assert (ports.http, ports.node, ports.broker) == (HTTP_PORT, NODE_PORT, BROKER_PORT)
    assert choice.notes == ()


def test_a_taken_port_gives_the_next_one_and_says_so() -> None:
    choice = choose_ports(lambda port: port not in (HTTP_PORT, HTTP_PORT + 1))
    assert choice.ports.http == HTTP_PORT + 2
    assert choice.notes == (f"port {HTTP_PORT} is taken; the fleet server uses {HTTP_PORT + 2}",)


def test_where_all_neighbours_are_taken_the_system_chooses() -> None:
    choice = choose_ports(lambda port: not HTTP_PORT <= port < HTTP_PORT + NEIGHBOURS)
    assert choice.ports.http not in range(HTTP_PORT, HTTP_PORT + NEIGHBOURS)
    assert len(choice.notes) == 1


def test_a_port_that_another_demo_has_claimed_is_taken_until_that_demo_ends(
    tmp_path: Path,
) -> None:
    port = any_free_port()
    with PortClaims(tmp_path / "claims") as first, PortClaims(tmp_path / "claims") as second:
        assert first.take(port)
        assert not second.take(port)
        first.__exit__(None, None, None)
        assert second.take(port)


def test_without_a_cache_folder_the_look_at_the_port_decides(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with PortClaims(tmp_path / "file" / "claims") as claims:
        assert claims.take(any_free_port())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            assert not claims.take(listener.getsockname()[1])


def test_a_choice_knows_when_somebody_came_in_between() -> None:
    choice = Choice(Ports(*(any_free_port() for _ in range(4))), ())
    assert not choice.taken()
    with socket.create_server(("127.0.0.1", choice.ports.broker)):
        assert choice.taken()


def test_a_listener_makes_a_port_taken_until_it_ends() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = int(listener.getsockname()[1])
        assert not port_is_free(port)
    assert port_is_free(port)


def test_all_ports_of_a_demo_differ() -> None:
    ports = choose_ports().ports
    assert len({ports.http, ports.node, ports.broker, ports.control}) == 4
