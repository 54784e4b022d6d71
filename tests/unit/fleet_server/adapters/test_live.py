"""Live news: bounded, in order, lossy only for the slow, and told from any thread."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from fleet_server.adapters import live
from fleet_server.adapters.live import QUEUE, RESYNC, LiveHub, Subscription

News = tuple[str, dict[str, Any]]


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


async def some(subscription: Subscription, count: int) -> list[News]:
    return [await anext(subscription) for _ in range(count)]


def test_every_subscriber_gets_all_news_in_order() -> None:
    async def story() -> None:
        hub = LiveHub()
        with hub.subscribe() as one, hub.subscribe() as two:
            for number in range(5):
                hub.publish("alarm", {"id": number})
            expected = [("alarm", {"id": number}) for number in range(5)]
            assert await some(one, 5) == expected
            assert await some(two, 5) == expected

    run(story())


def test_news_come_from_any_thread() -> None:
    async def story() -> None:
        hub = LiveHub()
        with hub.subscribe() as one:
            thread = threading.Thread(target=hub.publish, args=("command", {"id": 1}))
            thread.start()
            assert await some(one, 1) == [("command", {"id": 1})]
            thread.join()

    run(story())


def test_a_slow_subscriber_is_told_to_load_anew_and_the_others_lose_nothing() -> None:
    async def story() -> None:
        hub = LiveHub()
        with hub.subscribe() as slow, hub.subscribe() as quick:
            seen: list[News] = []
            for number in range(3 * QUEUE):
                hub.publish("alarm", {"id": number})
                seen += await some(quick, 1)
            assert [data["id"] for _, data in seen] == list(range(3 * QUEUE))
            first = await anext(slow)
            assert first == (RESYNC, {})
            hub.close()
            rest = [data["id"] async for _, data in slow]
            assert rest == list(range(3 * QUEUE - len(rest), 3 * QUEUE))
            assert 0 < len(rest) < QUEUE

    run(story())


def test_changed_nodes_are_read_once_and_sent_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FLUSH_S", 0.02)

    async def story() -> None:
        hub = LiveHub()
        asked: list[list[str]] = []

        async def read_nodes(node_ids: list[str]) -> list[dict[str, Any]]:
            asked.append(node_ids)
            return [{"id": node_id} for node_id in node_ids]

        task = asyncio.create_task(hub.run(read_nodes))
        with hub.subscribe() as one:
            for _ in range(50):
                hub.nodes_changed(["a", "b"])
            hub.nodes_changed(["c"])
            assert await some(one, 1) == [("node", {"nodes": [{"id": n} for n in "abc"]})]
        await asyncio.sleep(0.1)
        hub.nodes_changed(["nobody looks"])
        await asyncio.sleep(0.1)
        assert asked == [["a", "b", "c"]]
        task.cancel()

    run(story())


def test_a_reading_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FLUSH_S", 0.01)
    monkeypatch.setattr(live, "RETRY_S", 0.01)

    async def story() -> None:
        hub = LiveHub()
        faults = [RuntimeError("the store is away")]

        async def read_nodes(node_ids: list[str]) -> list[dict[str, Any]]:
            if faults:
                raise faults.pop()
            return [{"id": node_id} for node_id in node_ids]

        task = asyncio.create_task(hub.run(read_nodes))
        with hub.subscribe() as one:
            hub.nodes_changed(["a"])
            assert await some(one, 1) == [("node", {"nodes": [{"id": "a"}]})]
        task.cancel()

    run(story())


def test_closing_ends_every_stream_after_what_is_queued() -> None:
    async def story() -> None:
        hub = LiveHub()
        with hub.subscribe() as one:
            hub.publish("alarm", {"id": 1})
            await asyncio.sleep(0)
            hub.close()
            assert [news async for news in one] == [("alarm", {"id": 1})]
        with hub.subscribe() as late:
            assert [news async for news in late] == []

    run(story())


def test_without_listeners_news_cost_nothing_and_leave_nothing() -> None:
    hub = LiveHub()
    hub.publish("alarm", {"id": 1})
    hub.nodes_changed(["a"])
