"""Documents reach the broker once they can, in order, again after every loss."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fleet_server.commands import service
from fleet_server.commands.dispatch import RESEND_S, ROUND
from fleet_server.errors import InvalidError, NotFoundError, TooLargeError
from fleet_server.web import system_actor
from protocols import messages, topics
from tests.support.fleet_bench import Bench

HALF_HOUR = {"level": 80, "minutes": 30}


def override(bench: Bench, level: int = 80, *nodes: str) -> int:
    whom: dict[str, Any] = {"node_ids": list(nodes)} if nodes else {"group_id": "hv"}
    return bench.post("overrides", whom | {"level": level, "minutes": 30})["command_id"]


def counts(bench: Bench, command: int) -> dict[str, int]:
    found: dict[str, int] = bench.get(f"commands/{command}")["counts"]
    return {state: number for state, number in found.items() if number}


def test_queued_sent_reached(bench: Bench) -> None:
    command = override(bench)
    assert counts(bench, command) == {"queued": 4}
    bench.publish()
    assert counts(bench, command) == {"sent": 4}
    bench.settle()
    assert counts(bench, command) == {"reached": 4}
    assert bench.publish() == (0, 0)


def test_a_document_is_retained_so_that_an_absent_node_gets_it(bench: Bench) -> None:
    bench.nodes["hv-1"].answers = False
    command = override(bench)
    bench.settle()
    assert counts(bench, command) == {"sent": 1, "reached": 3}
    node = bench.nodes["hv-1"]
    node.answers = True
    payload = bench.broker.retained[topics.down("hv-1", "desired")]
    bench.deliver(*node.take(payload, bench.city_s, bench.services.blobs.path))
    bench.workers.follower.follow()
    assert counts(bench, command) == {"reached": 4}


def test_without_a_broker_commands_wait_and_then_go(bench: Bench) -> None:
    bench.broker.connected = False
    command = override(bench)
    assert bench.publish() == (0, 4)
    assert counts(bench, command) == {"queued": 4}
    bench.broker.connected = True
    bench.settle()
    assert counts(bench, command) == {"reached": 4}


def test_one_document_that_does_not_go_does_not_stop_the_others(bench: Bench) -> None:
    bench.broker.refuses = frozenset({topics.down("hv-2", "desired")})
    command = override(bench)
    assert bench.publish() == (3, 1)
    assert counts(bench, command) == {"queued": 1, "sent": 3}
    bench.broker.refuses = frozenset()
    bench.settle()
    assert counts(bench, command) == {"reached": 4}


def test_a_newer_command_for_the_same_thing_supersedes_the_one_that_waits(bench: Bench) -> None:
    first = override(bench, 80)
    second = override(bench, 20, "hv-1", "hv-2")
    assert counts(bench, first) == {"queued": 2, "superseded": 2}
    bench.settle()
    assert counts(bench, first) == {"reached": 2, "superseded": 2}
    assert counts(bench, second) == {"reached": 2}
    levels = [bench.nodes[f"hv-{n}"].document["override"]["level"] for n in (1, 2, 3, 4)]
    assert levels == [20, 20, 80, 80]
    assert len(bench.broker.published) == 4, "each node got one document with all that it needs"


def test_what_a_node_reached_stays_reached_when_a_newer_command_comes(bench: Bench) -> None:
    first = override(bench)
    bench.settle()
    override(bench, 20)
    assert counts(bench, first) == {"reached": 4}


def test_a_refusal_is_kept_with_its_reason_and_the_node_can_be_told_anew(bench: Bench) -> None:
    bench.nodes["hv-3"].answers = False
    first = override(bench)
    bench.settle()
    bench.deliver(bench.nodes["hv-3"].refuse(1, "out_of_range", bench.city_s))
    bench.workers.follower.follow()
    targets = {t["node_id"]: t for t in bench.get(f"commands/{first}")["targets"]}
    assert (targets["hv-3"]["state"], targets["hv-3"]["reason"]) == ("refused", "out_of_range")
    bench.nodes["hv-3"].answers = True
    second = override(bench, 30)
    bench.settle()
    assert counts(bench, second) == {"reached": 4}
    assert counts(bench, first) == {"refused": 1, "reached": 3}


def test_a_refusal_without_a_version_means_what_was_sent(bench: Bench) -> None:
    bench.nodes["hv-3"].answers = False
    command = override(bench)
    bench.settle()
    bench.deliver(bench.nodes["hv-3"].refuse(None, "malformed", bench.city_s))
    bench.workers.follower.follow()
    assert counts(bench, command) == {"refused": 1, "reached": 3}


def test_a_restart_forgets_nothing_that_waits(bench: Bench) -> None:
    command = override(bench)
    bench.restart()
    assert counts(bench, command) == {"queued": 4}
    bench.settle()
    assert counts(bench, command) == {"reached": 4}


def test_answers_that_came_while_the_server_was_down_count(bench: Bench) -> None:
    for name in ("hv-1", "hv-2", "hv-3", "hv-4"):
        bench.nodes[name].answers = False
    command = override(bench)
    bench.settle()
    payload = bench.broker.retained[topics.down("hv-1", "desired")]
    bench.nodes["hv-1"].answers = True
    said = bench.nodes["hv-1"].take(payload, bench.city_s, bench.services.blobs.path)
    bench.deliver(*said, bench.nodes["hv-2"].refuse(1, "malformed", bench.city_s))
    # The process dies between the ingest's commit and the follower.
    bench.restart()
    assert counts(bench, command) == {"reached": 1, "refused": 1, "sent": 2}


def test_a_new_connection_brings_again_what_has_no_answer(bench: Bench) -> None:
    for name in ("hv-1", "hv-2"):
        bench.nodes[name].answers = False
    command = override(bench)
    bench.settle()
    bench.broker.retained.clear()
    bench.workers.dispatcher.send_again(True)
    assert bench.publish() == (2, 0)
    assert set(bench.broker.retained) == {topics.down(n, "desired") for n in ("hv-1", "hv-2")}
    assert counts(bench, command) == {"sent": 2, "reached": 2}


def test_a_node_that_is_there_and_says_nothing_gets_it_again(bench: Bench) -> None:
    for name in ("hv-1", "hv-2"):
        bench.nodes[name].answers = False
    override(bench)
    bench.settle()
    bench.deliver(bench.nodes["hv-2"].last_will(bench.city_s))
    bench.workers.dispatcher.send_again(False)
    assert bench.publish() == (0, 0), "not so soon"
    bench.clock.machine_s += RESEND_S
    bench.workers.dispatcher.send_again(False)
    assert bench.publish() == (1, 0), "only the one that is there"


def test_a_node_that_sleeps_is_not_sent_the_same_again_and_again(bench: Bench) -> None:
    for name in ("hv-1", "hv-2"):
        bench.nodes[name].answers = False
    bench.nodes["hv-2"].sleep_s = 900
    bench.deliver(bench.nodes["hv-2"].state(bench.city_s))
    override(bench)
    bench.settle()
    bench.clock.machine_s += RESEND_S
    bench.workers.dispatcher.send_again(False)
    assert bench.publish() == (1, 0), "only the one that is awake"
    bench.workers.dispatcher.send_again(True)
    assert bench.publish() == (2, 0), "after a lost link the broker may have neither"


def test_a_node_that_is_ahead_of_a_restored_store_is_told_above_its_version(bench: Bench) -> None:
    node = bench.nodes["hv-1"]
    node.version = 41
    bench.deliver(node.state(bench.city_s))
    command = override(bench, 50, "hv-1")
    bench.settle()
    assert node.version == 42
    assert counts(bench, command) == {"reached": 1}


def test_more_than_a_round_goes_in_several(bench: Bench) -> None:
    bench.add_supply({"big": ["x"]}, ROUND + 6)
    command = bench.post("overrides", {"group_id": "x"} | HALF_HOUR)["command_id"]
    assert bench.publish() == (ROUND, 0)
    assert bench.publish() == (6, 0)
    assert counts(bench, command) == {"sent": ROUND + 6}


def test_the_newest_change_does_not_stand_in_line(bench: Bench) -> None:
    bench.add_supply({"big": ["x"]}, ROUND + 6)
    bench.post("overrides", {"group_id": "x"} | HALF_HOUR)
    bench.clock.machine_s += 1
    override(bench, 5, "hv-1")
    bench.publish()
    assert topics.down("hv-1", "desired") in bench.broker.retained


def test_a_document_that_changed_on_its_way_goes_again(bench: Bench) -> None:
    override(bench, 10, "hv-1")
    topic = topics.down("hv-1", "desired")
    original = bench.broker.publish

    async def slow(topic_: str, payload: bytes, *, retain: bool = False) -> None:
        await original(topic_, payload, retain=retain)
        if len(bench.broker.published) == 1:
            with bench.database.write() as session:
                _change(bench, session, ["hv-1"], {"report_s": 60}, "report_interval")

    object.__setattr__(bench.workers.dispatcher, "_publisher", _Slow(bench, slow))
    assert bench.publish() == (1, 0)
    assert bench.publish() == (1, 0)
    version, document = messages.decode_desired(bench.broker.retained[topic])
    assert (version, document["report_s"]) == (2, 60)


class _Slow:
    """The model broker with another change in the middle of a publish."""

    def __init__(self, bench: Bench, publish: Any) -> None:
        self.publish = publish
        self.connected = True


def _change(bench: Bench, session: Any, nodes: list[str], patch: dict[str, Any], kind: str) -> Any:
    return service.change(
        session,
        bench.clock,
        system_actor("tests"),
        node_ids=nodes,
        patch=lambda document: {**document, **patch},
        kind=kind,
        title="",
    )


@pytest.mark.parametrize(
    ("nodes", "patch", "error"),
    [
        ([], {}, InvalidError),
        (["nobody"], {}, NotFoundError),
        (["hv-1"], {"report_s": 0}, InvalidError),
        (["hv-1"], {"unknown": 1}, InvalidError),
        (
            ["hv-1"],
            {"update": {"manifest": b"x" * 5000, "signatures": [], "path": "/b"}},
            InvalidError,
        ),
        (
            ["hv-1"],
            {
                "calendar": {
                    "programs": [[[0, 60, 50, 0]] * 24] * 16,
                    "rules": [[0, 127, 1000, 2000]] * 64,
                    "utc_offset_min": 420,
                },
                "update": {
                    "manifest": b"x" * 4096,
                    "signatures": [["k" * 4000, b"s" * 8000]] * 8,
                    "path": "/b",
                },
            },
            TooLargeError,
        ),
    ],
)
def test_what_no_node_would_take_is_never_queued(
    bench: Bench, nodes: list[str], patch: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error), bench.database.write() as session:
        _change(bench, session, nodes, patch, "report_interval")
    assert bench.publish() == (0, 0)


def test_the_task_publishes_at_once_when_woken_and_after_the_broker_returns(bench: Bench) -> None:
    """The supervised task itself, on the real event loop."""

    async def published(number: int) -> None:
        for _ in range(4000):
            if len(bench.broker.published) >= number:
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"{len(bench.broker.published)} of {number} published")

    async def story() -> None:
        dispatcher = bench.workers.dispatcher
        task = asyncio.create_task(dispatcher.run())
        await asyncio.to_thread(override, bench, 10, "hv-1")
        dispatcher.wake()
        await published(1)
        bench.broker.connected = False
        await asyncio.sleep(0.3)
        await asyncio.to_thread(override, bench, 20, "hv-2")
        bench.broker.connected = True
        # hv-1 has not answered, so the new connection brings its document again.
        await published(3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    nodes = sorted(topic.split("/")[1] for topic, _ in bench.broker.published)
    assert nodes == ["hv-1", "hv-1", "hv-2"]


def test_lists_page_and_filter(bench: Bench) -> None:
    numbers = [override(bench, level, "hv-1") for level in (10, 20, 30)]
    first = bench.get("commands?limit=2")
    assert [item["id"] for item in first["commands"]] == numbers[:0:-1]
    rest = bench.get(f"commands?limit=2&before_id={first['next_before_id']}")
    assert [item["id"] for item in rest["commands"]] == numbers[:1]
    assert bench.get("commands?node=hv-2")["commands"] == []
    assert bench.request("GET", "commands/999", "viewer")[0] == 404
    assert bench.send("GET", "commands").status_code == 401
