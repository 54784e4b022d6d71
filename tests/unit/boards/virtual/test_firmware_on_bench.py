"""The real firmware of all kinds on the real bench, talking to a real broker."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocols import messages
from protocols.fields import CONTROL_CABINET, GREENHOUSE, KIND_CODES, RESERVOIR, STREETLIGHT, named
from tests.unit.boards.virtual.bench_runner import RunningBench, is_alive, wait_until, write_bench
from tests.unit.firmware.conftest import Lab
from tests.unit.firmware.lab.servers import Heard

pytestmark = pytest.mark.sockets

NODES = {f"t-{kind.replace('_', '-')}": kind for kind in KIND_CODES}
LAMP = "t-streetlight"
# 2026-11-21, 22:00 in Pleiku: every lamp burns.
NIGHT_S = 1795273200


@pytest.fixture
def bench(lab: Lab, tmp_path: Path, repository: Path) -> Iterator[RunningBench]:
    """A bench with one node of each kind."""
    data = repository / "boards" / "virtual" / "data"
    entries: list[dict[str, Any]] = []
    for name, kind in NODES.items():
        node = lab.new_node(kind, name)
        feeder = "f" if kind == "streetlight" else None
        entries.append({"id": name, "folder": str(node.folder), "kind": kind, "feeder": feeder})
    path = write_bench(
        tmp_path,
        entries,
        clock={"real_ref_s": time.time(), "city_ref_s": NIGHT_S, "speed": 1},
        series={"greenhouse": str(data / "greenhouse.csv"), "river": str(data / "river.csv")},
    )
    with RunningBench(path) as running:
        yield running
        running.end(signal.SIGTERM)
        # A quiet bench: nothing crashed, nothing was reset.
        assert running.errors.read_text() == ""


def of_kind(kind: int, code: int | None = None, boot: int = 1) -> Any:
    """What fits a message of a kind: an event of a code, or a report where none is given."""

    def fits(message: Heard) -> bool:
        channel = "report" if code is None else "event"
        return (
            message.channel == channel
            and message.parts[0] == kind
            and message.parts[1] == boot
            and message.code == code
        )

    return fits


def values(message: Heard) -> dict[str, Any]:
    """A report's values by name."""
    return named(message.parts[0], message.parts[4])


def lit(message: Heard) -> bool:
    """Whether a cabinet's report comes from after its feeders were closed and metered."""
    return (values(message)["power_w"] or 0) > 4000


def test_every_kind_connects_and_reports_the_world_of_the_bench(
    lab: Lab, bench: RunningBench
) -> None:
    for kind in NODES.values():
        booted = lab.server.wait(of_kind(KIND_CODES[kind], messages.BOOTED))
        assert booted.parts[5]["cause"] == "power_on"
    lamp = values(lab.server.wait(of_kind(STREETLIGHT)))
    seen = bench.node(LAMP)
    assert lamp["level_percent"] == seen["level"] == 100
    assert lamp["lamp_power_w"] == pytest.approx(seen["power"], rel=0.03)
    # The flood of the series rises from 5.2 m; the gauge's span is 0 to 10 m.
    assert 5.1 < values(lab.server.wait(of_kind(RESERVOIR)))["level_m"] < 7.6
    inside = values(lab.server.wait(of_kind(GREENHOUSE)))
    assert 11 < inside["air_temperature_c"] < 25
    assert 45 < inside["relative_humidity_percent"] < 90
    at_night = lab.server.wait(lambda message: of_kind(CONTROL_CABINET)(message) and lit(message))
    assert values(at_night)["power_w"] == pytest.approx(4500, rel=0.03)


def test_a_cut_feeder_is_told_by_a_last_gasp_and_its_return_by_a_boot(
    lab: Lab, bench: RunningBench
) -> None:
    lab.server.wait(of_kind(STREETLIGHT))
    pid = bench.node(LAMP)["pid"]
    bench.ask(do="cut_feeder", feeder="f")
    lab.server.wait(of_kind(STREETLIGHT, messages.LAST_GASP), 2.5)
    assert bench.node(LAMP)["pid"] == pid
    assert bench.node(LAMP)["power"] == 0.0
    # The broker speaks the last will once the capacitor is empty and the connection breaks.
    lab.server.wait(of_kind(STREETLIGHT, messages.OFFLINE), 10)
    wait_until(lambda: not is_alive(pid), 2)
    bench.ask(do="restore_feeder", feeder="f")
    booted = lab.server.wait(of_kind(STREETLIGHT, messages.BOOTED, boot=2))
    assert booted.parts[5]["cause"] == "power_on"
    assert bench.node(LAMP)["level"] == 100


def test_what_a_hand_does_on_the_bench_is_noticed(lab: Lab, bench: RunningBench) -> None:
    lab.server.wait(of_kind(KIND_CODES["smart_bin"]))
    bench.ask(do="set", node="t-smart-bin", what="fire", value=True)
    fire = lab.server.wait(of_kind(KIND_CODES["smart_bin"], messages.FAULT_ON))
    assert fire.parts[5] == {"fault": "fire"}
    bench.ask(do="set", node=LAMP, what="sensor_fault", value="meter:crc")
    fault = lab.server.wait(of_kind(STREETLIGHT, messages.FAULT_ON))
    assert fault.parts[5] == {"fault": "meter_failure"}
    bench.ask(do="set", node=LAMP, what="sensor_fault", value=False)
    gone = lab.server.wait(of_kind(STREETLIGHT, messages.FAULT_OFF))
    assert gone.parts[5] == {"fault": "meter_failure"}
    bench.ask(do="set", node="t-reservoir", what="level_m", value=8.2)
    lab.server.wait(
        lambda message: of_kind(RESERVOIR)(message) and values(message)["flood_alarm_level"] == 3
    )


def test_a_hand_on_the_bench_opens_a_cabinets_door_and_trips_its_breaker(
    lab: Lab, bench: RunningBench
) -> None:
    cabinet = "t-control-cabinet"
    lab.server.wait(of_kind(CONTROL_CABINET))
    bench.ask(do="set", node=cabinet, what="door", value=True)
    opened = lab.server.wait(of_kind(CONTROL_CABINET, messages.FAULT_ON))
    assert opened.parts[5] == {"fault": "door_open"}
    lab.server.forget()
    bench.ask(do="set", node=cabinet, what="sensor_fault", value="feeder_2:tripped")
    tripped = lab.server.wait(of_kind(CONTROL_CABINET, messages.FAULT_ON))
    assert tripped.parts[5] == {"fault": "breaker_tripped"}


def test_no_firmware_outlives_a_killed_bench(lab: Lab, bench: RunningBench) -> None:
    for kind in NODES.values():
        lab.server.wait(of_kind(KIND_CODES[kind], messages.BOOTED))
    pids = [node["pid"] for node in bench.ask(do="status")["nodes"].values()]
    assert all(is_alive(pid) for pid in pids)
    bench.end(signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in pids), 5)
