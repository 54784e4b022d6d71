"""A node that speaks under another's name is not heard, and the operator learns who it was."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.test_commands_survive import Desk, street
from tests.scenarios.test_server_killed_under_load import serving
from tests.support.broker import connected, wait_for
from tests.support.data_folder import data_folder, make_identity
from tests.support.ports import free_port


def test_what_a_node_says_under_anothers_name_is_dropped_counted_and_shown(tmp_path: Path) -> None:
    settings = data_folder(tmp_path / "data", free_port())
    with (
        street(settings, watched=True) as (broker, lamps, token),
        serving(settings) as server,
        Desk(server, token) as desk,
        connected(broker, make_identity(settings, "pk-thief")) as thief,
    ):
        desk.wait_reached(desk.override(10))
        stolen = lamps[0].model.state(0)
        for _ in range(3):
            thief.publish(stolen.topic, stolen.payload)

        def counted() -> bool:
            counts = {each["reason"]: each["count"] for each in desk.get("refusals")["counts"]}
            return counts.get("wrong_node") == 3

        wait_for(counted, "three refusals")
        shown = desk.get("refusals")["recent"][0]
        assert shown["topic"] == stolen.topic
        assert shown["detail"] == "published by pk-thief"
        desk.wait_reached(desk.override(20))
