"""Echoes: the same nonce back, through a broker that comes and goes."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from fleet_server.ports import StoredBatch, StoredEvent
from fleet_server.telemetry import echo as module
from fleet_server.telemetry.echo import TRIES, WAITING, EchoResponder
from protocols.messages import BOOTED, ECHO_REQUEST, decode_echo
from tests.support.clock import CITY_S, MACHINE_S
from tests.support.fleet_bench import ModelBroker


def request(nonce: Any, code: int = ECHO_REQUEST, node: str = "pk-sl-001") -> StoredEvent:
    return StoredEvent(node, 1, 1, 1, CITY_S, MACHINE_S, code, {"nonce": nonce})


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is long in a test."""
    monkeypatch.setattr(module, "PAUSE_S", 0.02)


async def _answering(echo: EchoResponder, broker: ModelBroker, seconds: float = 0.2) -> None:
    task = asyncio.create_task(echo.run())
    await asyncio.sleep(seconds)
    task.cancel()


def test_a_nonce_comes_back_to_its_node_alone() -> None:
    async def story() -> None:
        broker = ModelBroker()
        echo = EchoResponder(broker)
        echo.on_stored(StoredBatch((request(b"abc"), request(b"x", BOOTED))))
        await _answering(echo, broker)
        ((topic, payload),) = broker.published
        assert topic == "cf1/pk-sl-001/down/echo"
        assert decode_echo(payload) == b"abc"
        assert broker.retained == {}

    run(story())


@pytest.mark.parametrize("nonce", [None, "text", 7, b"x" * 33])
def test_odd_nonces_are_left_alone(nonce: Any) -> None:
    async def story() -> None:
        broker = ModelBroker()
        echo = EchoResponder(broker)
        echo.on_stored(StoredBatch((request(nonce), request(b"good"))))
        await _answering(echo, broker)
        assert [decode_echo(payload) for _, payload in broker.published] == [b"good"]

    run(story())


def test_a_broker_that_returns_gets_the_answer() -> None:
    async def story() -> None:
        broker = ModelBroker(connected=False)
        echo = EchoResponder(broker)
        echo.on_stored(StoredBatch((request(b"abc"),)))
        task = asyncio.create_task(echo.run())
        await asyncio.sleep(0.01)
        broker.connected = True
        await asyncio.sleep(0.2)
        task.cancel()
        assert len(broker.published) == 1

    run(story())


def test_an_answer_that_nobody_takes_is_given_up_and_counted() -> None:
    async def story() -> None:
        broker = ModelBroker(connected=False)
        echo = EchoResponder(broker)
        echo.on_stored(StoredBatch((request(b"abc"),)))
        await _answering(echo, broker, 0.05 * TRIES + 0.2)
        assert echo.dropped == 1

    run(story())


def test_a_flood_of_requests_is_bounded() -> None:
    async def story() -> None:
        echo = EchoResponder(ModelBroker())
        echo.on_stored(StoredBatch(tuple(request(b"abc") for _ in range(WAITING + 50))))
        assert echo.dropped == 50

    run(story())
