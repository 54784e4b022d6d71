"""The demo's nodes as files: identities from the real enrolment, the factory's application."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tools.client.http import FleetClient
from tools.demo.district import District, Place
from tools.demo.folder import DemoFolder
from tools.demo.ports import LOOPBACK, Ports
from tools.files import read_bytes
from tools.node.provision import MICRODEGREES, Plan, has_identity, prepare, write_config
from tools.node.slots import FactoryImage, install, is_installed

REPORT_S = 5
# The city's clock runs many times as fast as the nodes' own: their minute of chance would be
# an hour of its night, and a lamp that is dark for a self-test's three seconds a dark street.
SPREAD_S = 1
SELF_TEST_S = 86400
# A node that sleeps counts its sleep by the city's clock. Each wake is a boot: in these real
# seconds it looks around, and twice as seldom it reports, so that one can watch it.
LOOK_S = 5
WAKE_S = 10
_DAY_S = 86400
_SLEEPS = ("smart_bin",)
TOKEN_MINUTES = 10
WRITERS = 4


def plan_of(folder: DemoFolder, place: Place, speed: int) -> Plan:
    """How a place of the district becomes a node in a city whose clock runs at `speed`."""
    sleeps = place.kind in _SLEEPS
    return Plan(
        place.id,
        place.kind,
        folder.node(place.id),
        round(place.latitude * MICRODEGREES),
        round(place.longitude * MICRODEGREES),
        report_s=min(_DAY_S, WAKE_S * speed) if sleeps else REPORT_S,
        spread_s=SPREAD_S,
        self_test_s=SELF_TEST_S,
        sleep_s=min(_DAY_S, LOOK_S * speed) if sleeps else None,
    )


def provision_nodes(folder: DemoFolder, district: District, client: FleetClient, speed: int) -> int:
    """Enrols the nodes that have no identity yet; returns how many.

    Args:
        folder: the demo.
        district: which nodes there are.
        client: a technician's login.
        speed: city seconds in a real one.

    Raises:
        ToolError: the server refuses, or a folder cannot be written.
    """
    trust = read_bytes(folder.trust, "the trust file")
    done = 0
    for kind in district.kinds():
        plans = [
            plan_of(folder, place, speed)
            for place in district.nodes
            if place.kind == kind and not has_identity(folder.node(place.id))
        ]
        if plans:
            body = {"kind": kind, "count": len(plans), "minutes": TOKEN_MINUTES}
            token = str(client.post("provisioning/tokens", body)["token"])
            prepare(plans, client, token, trust)
            done += len(plans)
    return done


def install_nodes(
    folder: DemoFolder, places: Sequence[Place], images: Mapping[str, FactoryImage]
) -> None:
    """Gives every node its factory installation that has none yet.

    Raises:
        FileError: a folder cannot be written.
    """
    todo = [place for place in places if not is_installed(folder.node(place.id))]

    def write(place: Place) -> None:
        install(images[place.kind], folder.node(place.id))

    with ThreadPoolExecutor(max_workers=WRITERS) as pool:
        # A list, since a result that nobody takes hides its error.
        list(pool.map(write, todo))


def point_nodes(folder: DemoFolder, places: Sequence[Place], ports: Ports, speed: int) -> None:
    """Tells every node where broker and downloads are now."""
    for place in places:
        plan = plan_of(folder, place, speed)
        write_config(plan, (LOOPBACK, ports.broker), (LOOPBACK, ports.node))
