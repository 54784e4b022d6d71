"""What the screens get of nodes: lists, one node, readings, events, refusals, the live stream."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from fleet_server.adapters.live import LiveHub
from fleet_server.main import create_app
from fleet_server.telemetry import api, service
from fleet_server.telemetry.refusals import Message
from fleet_server.telemetry.store import store_batch
from protocols import messages
from protocols.fields import SMART_BIN, STREETLIGHT, scaled
from tests.support.data_folder import register_nodes
from tests.support.fleet_bench import Bench
from tests.support.passwords import PASSWORD, give_passwords

LAMP = "lamp-1"


@pytest.fixture(autouse=True)
def lamp(bench: Bench) -> None:
    """A lamp that has never spoken, beside those of the bench."""
    register_nodes(bench.database, LAMP)


def hear(bench: Bench, *batch: Message) -> None:
    with bench.database.write_connection() as connection:
        store_batch(connection, batch, bench.clock.now_s(), bench.clock.system_now_s())


def report(bench: Bench, seq: int, age_s: int = 0, **readings: Any) -> Message:
    payload = messages.encode_report(
        STREETLIGHT, 1, seq, bench.city_s - age_s, scaled(STREETLIGHT, readings)
    )
    return Message(f"cf1/{LAMP}/up/report", payload)


def event(bench: Bench, seq: int, code: int, detail: dict[str, object] | None = None) -> Message:
    at_s = bench.city_s - 60 + seq
    payload = messages.encode_event(STREETLIGHT, 1, seq, at_s, code, detail or {})
    return Message(f"cf1/{LAMP}/up/event", payload)


def ids(answer: Any) -> list[str]:
    return [node["id"] for node in answer["nodes"]]


def test_a_silent_node_is_there_and_offline(bench: Bench) -> None:
    node = bench.get(f"nodes/{LAMP}")
    assert (node["online"], node["mains"], node["last_seen_s"]) == (False, None, None)
    assert (node["values"], node["faults"], node["reported_version"]) == ({}, [], 0)


def test_a_node_shows_its_values_in_units_and_its_faults_by_name(bench: Bench) -> None:
    hear(bench, report(bench, 1, lamp_power_w=35.5, level_percent=70, faults=0b101))
    node = bench.get(f"nodes/{LAMP}")
    assert (node["values"]["lamp_power_w"], node["values"]["level_percent"]) == (35.5, 70)
    assert node["fields"]["lamp_power_w"] == {"unit": "W"}
    assert node["faults"] == ["lamp_failure", "cycling"]
    assert node["online"] and node["last_seen_s"] == bench.city_s


def test_the_version_reached_is_that_of_the_newer_message(bench: Bench) -> None:
    state = messages.encode_state(STREETLIGHT, 1, 5, bench.city_s, 3, {"app": "1.0.0"})
    hear(bench, report(bench, 4, desired_version=2), Message(f"cf1/{LAMP}/up/state", state))
    assert bench.get(f"nodes/{LAMP}")["reported_version"] == 3
    hear(bench, report(bench, 6, desired_version=4))
    assert bench.get(f"nodes/{LAMP}")["reported_version"] == 4
    hear(bench, report(bench, 7))
    assert bench.get(f"nodes/{LAMP}")["reported_version"] == 3


def test_nodes_are_found_by_kind_text_group_and_state(bench: Bench) -> None:
    register_nodes(bench.database, "bin-1", kind="smart_bin")
    lamps = sorted(bench.nodes)
    assert ids(bench.get("nodes?kind=smart_bin")) == ["bin-1"]
    assert ids(bench.get("nodes?q=HV 1")) == ["hv-1"]
    assert ids(bench.get("nodes?group=hv")) == [name for name in lamps if name.startswith("hv-")]
    assert ids(bench.get("nodes?state=offline")) == ["bin-1", LAMP]
    assert ids(bench.get("nodes?state=online")) == lamps
    hear(bench, event(bench, 1, messages.LAST_GASP))
    assert ids(bench.get("nodes?state=dark")) == [LAMP]
    hear(bench, report(bench, 2, faults=1))
    assert ids(bench.get("nodes?state=fault")) == [LAMP]
    assert ids(bench.get("nodes?state=provisioned")) == ["bin-1"]
    assert ids(bench.get("nodes?q=100%25")) == [], "a percent sign is only a percent sign"


def test_pages_of_nodes_and_their_total(bench: Bench) -> None:
    everything = ids(bench.get("nodes"))
    collected: list[str] = []
    for offset in range(0, len(everything), 5):
        page = bench.get(f"nodes?limit=5&offset={offset}")
        assert page["total"] == len(everything)
        collected += ids(page)
    assert collected == everything == sorted(everything)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nodes?kind=toaster", 422),
        ("nodes?state=sleepy", 422),
        ("nodes?group=nope", 404),
        ("nodes?limit=0", 422),
        ("nodes/no-such", 404),
        ("nodes/no-such/readings", 404),
        ("nodes/no-such/events", 404),
        (f"nodes/{LAMP}/readings?hours=0", 422),
        (f"nodes/{LAMP}/readings?hours=many", 422),
    ],
)
def test_wrong_questions_are_refused(bench: Bench, path: str, status: int) -> None:
    code, body = bench.request("GET", path, "viewer")
    assert code == status and body["error"]["message"]


def test_readings_are_columns_of_the_asked_hours_oldest_first(bench: Bench) -> None:
    hear(
        bench,
        report(bench, 3, age_s=10, level_percent=30, lamp_power_w=12.5),
        report(bench, 1, age_s=7000, level_percent=10),
        report(bench, 0, age_s=3601, level_percent=5),
        report(bench, 2, age_s=20, level_percent=20),
    )
    found = bench.get(f"nodes/{LAMP}/readings?hours=1")
    assert found["at_s"] == [bench.city_s - 20, bench.city_s - 10]
    assert found["values"]["level_percent"] == [20, 30]
    assert found["values"]["lamp_power_w"] == [None, 12.5]
    assert found["fields"]["level_percent"] == {"unit": "%"}
    assert len(bench.get(f"nodes/{LAMP}/readings?hours=2")["at_s"]) == 4


def test_more_points_than_a_chart_shows_are_thinned_and_the_newest_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "POINTS", 10)
    hear(bench, *(report(bench, seq, age_s=100 - seq, level_percent=seq) for seq in range(95)))
    found = bench.get(f"nodes/{LAMP}/readings?hours=1")
    assert (found["thinned"], len(found["at_s"])) == (10, 10)
    assert found["values"]["level_percent"][-1] == 94
    assert found["at_s"] == sorted(found["at_s"])


def test_events_come_newest_first_with_their_names(bench: Bench) -> None:
    hear(
        bench,
        event(bench, 1, messages.BOOTED),
        event(bench, 3, messages.MAINS_RESTORED),
        event(bench, 2, messages.LAST_GASP),
    )
    found = bench.get(f"nodes/{LAMP}/events")["events"]
    assert [item["name"] for item in found] == ["mains_restored", "last_gasp", "booted"]
    assert len(bench.get(f"nodes/{LAMP}/events?limit=1")["events"]) == 1


def test_a_self_test_is_told_with_its_powers(bench: Bench) -> None:
    powers = {"on_mw": 100120, "half_mw": 52400, "low_mw": 9800, "full_mw": 99900, "off_mw": 0}
    hear(bench, event(bench, 1, messages.SELF_TESTED, {"ok": True, **powers}))
    (found,) = bench.get(f"nodes/{LAMP}/events")["events"]
    assert (found["name"], found["detail"]) == ("self_tested", {"ok": True, **powers})


def test_refusals_are_counted_and_shown(bench: Bench) -> None:
    payload = messages.encode_report(SMART_BIN, 1, 1, bench.city_s, scaled(SMART_BIN, {}))
    hear(
        bench,
        Message(f"cf1/{LAMP}/up/report", b"\x00"),
        Message(f"cf1/{LAMP}/up/report", payload),
        Message(f"cf1/{LAMP}/up/report", payload),
    )
    found = bench.get("refusals")
    counts = {item["reason"]: item["count"] for item in found["counts"]}
    assert counts == {"malformed": 1, "wrong_node": 2}
    newest = found["recent"][0]
    assert (newest["reason"], newest["sample_hex"]) == ("wrong_node", payload.hex())
    assert newest["topic"] == f"cf1/{LAMP}/up/report"


def test_a_stream_ends_with_its_session(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "HEARTBEAT_S", 0.02)
    give_passwords(bench)
    login = {"username": "viewer", "password": PASSWORD}
    token = str(bench.send("POST", "login", json=login).json()["token"])

    async def story() -> str:
        hub = LiveHub()
        app = create_app(replace(bench.services, hub=hub))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
            headers = {"authorization": "Bearer " + token}
            stream = asyncio.create_task(client.get("/api/v1/stream", headers=headers))
            await asyncio.sleep(0.3)
            hub.publish("alarm", {"id": 7, "name": "Hùng Vương"})
            await asyncio.sleep(0.1)
            assert not stream.done()
            bench.clock.machine_s += bench.settings.session_s
            answer = await asyncio.wait_for(stream, 10)
            assert answer.headers["content-type"].startswith("text/event-stream")
            return answer.text

    text = asyncio.run(story())
    assert text.startswith("retry: 2000\n\n")
    assert 'event: alarm\ndata: {"id":7,"name":"Hùng Vương"}\n\n' in text
    assert ": still here\n\n" in text


def test_a_stream_is_for_who_is_logged_in(bench: Bench) -> None:
    assert bench.send("GET", "stream").status_code == 401
