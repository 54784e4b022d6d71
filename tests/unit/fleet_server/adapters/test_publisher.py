"""The voice on a real broker: acknowledged means acknowledged, and a loss is told at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fleet_server.adapters import publisher as module
from fleet_server.adapters import tls
from fleet_server.adapters.ca_files import COMMAND
from fleet_server.adapters.publisher import BrokerPublisher
from fleet_server.errors import BrokerTimeoutError, BrokerUnavailableError
from fleet_server.settings import Settings
from tests.support.broker import connected, running_broker
from tests.support.data_folder import data_folder, make_identity
from tests.support.ports import free_port

pytestmark = pytest.mark.sockets

TOPIC = "cf1/pk-sl-001/down/desired"
WAIT_S = 20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return data_folder(tmp_path / "data", free_port())


def tell(settings: Settings, story: Callable[[BrokerPublisher], Awaitable[None]]) -> None:
    async def whole() -> None:
        context = tls.broker_client(settings, COMMAND)
        publisher = BrokerPublisher("127.0.0.1", settings.broker_port, context)
        task = asyncio.create_task(publisher.run())
        try:
            await asyncio.wait_for(story(publisher), 3 * WAIT_S)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.02)


def test_what_was_acknowledged_is_with_the_broker(settings: Settings) -> None:
    with running_broker(settings) as broker:

        async def story(publisher: BrokerPublisher) -> None:
            await until(lambda: publisher.connected)
            await asyncio.gather(
                *(
                    publisher.publish(f"cf1/pk-sl-{number:03d}/down/desired", b"x", retain=True)
                    for number in range(300)
                )
            )

        tell(settings, story)
        for number in (0, 150, 299):
            name = f"pk-sl-{number:03d}"
            with connected(broker, make_identity(settings, name)) as node:
                node.subscribe(f"cf1/{name}/down/desired")
                assert node.get().payload == b"x"


def test_without_a_broker_a_publish_fails_at_once(settings: Settings) -> None:
    async def story(publisher: BrokerPublisher) -> None:
        await asyncio.sleep(0.3)
        began = time.monotonic()
        with pytest.raises(BrokerUnavailableError):
            await publisher.publish(TOPIC, b"x")
        assert time.monotonic() - began < 1

    tell(settings, story)


def test_a_lost_broker_fails_what_is_under_way_and_is_found_again(settings: Settings) -> None:
    with running_broker(settings) as broker:

        async def story(publisher: BrokerPublisher) -> None:
            await until(lambda: publisher.connected)
            await publisher.publish(TOPIC, b"before", retain=True)
            broker.pause()
            waiting = asyncio.create_task(publisher.publish(TOPIC, b"during", retain=True))
            await asyncio.sleep(0.2)
            assert not waiting.done(), "nobody acknowledges"
            began = time.monotonic()
            broker.kill()
            with pytest.raises(BrokerUnavailableError):
                await waiting
            assert time.monotonic() - began < 5, "the loss is told long before the timeout"
            broker.start()
            await until(lambda: publisher.connected)
            await publisher.publish(TOPIC, b"after", retain=True)

        tell(settings, story)
        with connected(broker, make_identity(settings, "pk-sl-001")) as node:
            node.subscribe(TOPIC)
            assert node.get().payload == b"after"


def test_a_broker_that_does_not_answer_is_another_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ACKNOWLEDGE_S", 0.3)
    with running_broker(settings) as broker:

        async def story(publisher: BrokerPublisher) -> None:
            await until(lambda: publisher.connected)
            broker.pause()
            with pytest.raises(BrokerTimeoutError):
                await publisher.publish(TOPIC, b"x")
            broker.resume()
            await publisher.publish(TOPIC, b"y")

        tell(settings, story)
