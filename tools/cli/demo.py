"""`cityfleet demo ...`: a city district on this machine, and its mishaps."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tools.cli.options import Json
from tools.cli.output import clean, print_facts, print_json, print_table, say
from tools.cli.session import connect

if TYPE_CHECKING:
    from tools.demo.folder import DemoFolder

# As tools.demo.clock.DEFAULT_SPEED; said here too, so that help needs no import of the demo.
SPEED = 360

app = typer.Typer(help="A city district on this machine, and its mishaps.", no_args_is_help=True)

Feeder = Annotated[str, typer.Argument(help='Name or id, such as "Trần Hưng Đạo" or pk-fd-2.')]
Cabinet = Annotated[str, typer.Argument(help="Name or id, such as pk-cc-01.")]
Node = Annotated[str, typer.Argument(help="Node id, such as pk-sl-001.")]


@app.command()
def start(
    speed: Annotated[
        int,
        typer.Option(
            envvar="SPEED", min=1, max=3600, help="How fast the city clock runs; 1 is real time."
        ),
    ] = SPEED,
) -> None:
    """Start broker, fleet server and 40 nodes, and run until Ctrl-C.

    Example: cityfleet demo start --speed 60
    """
    from tools.demo.report import Reporter
    from tools.demo.start import start_demo

    start_demo(_folder(), speed, Reporter())


@app.command()
def stop() -> None:
    """End the demo that runs here, as Ctrl-C in its terminal does."""
    from tools.demo import orders

    orders.stop(_folder())
    say("the demo has ended; its data stay")


@app.command()
def reset() -> None:
    """Delete all data of the demo; the next start begins anew."""
    from tools.demo import orders

    folder = _folder()
    say(f"deleted {folder.root}" if orders.reset(folder) else "there is nothing to delete")


@app.command()
def status(json: Json = False) -> None:
    """Show what runs, and what the lamps really do, seen from the bench."""
    from tools.demo import orders

    answer = orders.demo(_folder(), do="status")
    nodes = orders.bench(_folder(), do="status")
    if json:
        print_json({**answer, "nodes": nodes["nodes"]})
        return
    print_facts(
        [
            ("address", answer["server"]),
            ("running", ", ".join(f"{name} ({pid})" for name, pid in answer["processes"].items())),
            ("city time", answer["city"]),
            ("clock", answer["speed_text"]),
        ]
    )
    found: dict[str, dict[str, Any]] = nodes["nodes"]
    rows = ((name, *_seen(node)) for name, node in sorted(found.items()))
    print_table(("Node", "Process", "Mains", "Level", "Power"), rows, "no nodes")


@app.command()
def clock(json: Json = False) -> None:
    """Show the city's time and how fast it runs."""
    from tools.demo import orders

    answer = orders.demo(_folder(), do="status")
    if json:
        print_json({key: answer[key] for key in ("city_s", "city", "speed")})
        return
    say(f"{answer['city']} in the city; {answer['speed_text']}")


@app.command("cut-feeder")
def cut_feeder(feeder: Feeder) -> None:
    """Pull the mains of a feeder.

    Example: cityfleet demo cut-feeder "Trần Hưng Đạo"
    """
    from tools.demo import orders

    name = orders.feeder_id(feeder)
    orders.bench(_folder(), do="cut_feeder", feeder=name)
    say(f"feeder {name} has no mains; its lamps gasp and go dark")


@app.command("restore-feeder")
def restore_feeder(feeder: Feeder) -> None:
    """Give a feeder its mains back."""
    from tools.demo import orders

    name = orders.feeder_id(feeder)
    orders.bench(_folder(), do="restore_feeder", feeder=name)
    say(f"feeder {name} has its mains back; its lamps start")


@app.command("cut-cabinet")
def cut_cabinet(cabinet: Cabinet) -> None:
    """Pull the mains of a whole control cabinet."""
    from tools.demo import orders

    name = orders.cabinet_id(cabinet)
    orders.bench(_folder(), do="cut_cabinet", cabinet=name)
    say(f"cabinet {name} has no mains")


@app.command("restore-cabinet")
def restore_cabinet(cabinet: Cabinet) -> None:
    """Give a control cabinet its mains back."""
    from tools.demo import orders

    name = orders.cabinet_id(cabinet)
    orders.bench(_folder(), do="restore_cabinet", cabinet=name)
    say(f"cabinet {name} has its mains back")


@app.command("cut-node")
def cut_node(node: Node) -> None:
    """Pull the mains of a single node."""
    from tools.demo import orders

    name = orders.node_id(node)
    orders.bench(_folder(), do="cut_node", node=name)
    say(f"{name} has no mains")


@app.command("restore-node")
def restore_node(node: Node) -> None:
    """Give a single node its mains back."""
    from tools.demo import orders

    name = orders.node_id(node)
    orders.bench(_folder(), do="restore_node", node=name)
    say(f"{name} has its mains back")


@app.command("set")
def set_plant(
    node: Node,
    what: Annotated[str, typer.Argument(help="Such as fire, tilt, fill, lamp or sensor_fault.")],
    value: Annotated[str, typer.Argument(help="A number or a word; on, off, or none to let go.")],
) -> None:
    """Change the world around a node: set a bin on fire, tilt a pole, break a sensor.

    Example: cityfleet demo set pk-bn-01 fire on
    """
    from tools.demo import orders

    name = orders.node_id(node)
    orders.bench(_folder(), do="set", node=name, what=what, value=_value(value))
    say(f"{name}: {clean(what)} is {clean(value)}")


@app.command("stop-server")
def stop_server() -> None:
    """Stop the fleet server alone; broker and nodes go on."""
    from tools.demo import orders

    orders.demo(_folder(), do="stop-server")
    say("the fleet server has ended; lamps follow their own clock: cityfleet demo status")


@app.command("start-server")
def start_server() -> None:
    """Start the fleet server again."""
    from tools.demo import orders

    orders.demo(_folder(), do="start-server")
    say("the fleet server runs again")


@app.command("tamper-release")
def tamper_release(
    release: Annotated[str, typer.Argument(help="Id of a release, or KIND-VERSION.")],
) -> None:
    """Be a thief on the server: alter one byte of a stored release.

    Example: cityfleet demo tamper-release streetlight-1.1.0
    """
    from tools.cli.lookup import find_release
    from tools.demo import orders
    from tools.demo.sabotage import tamper

    folder = _folder()
    orders.require_running(folder)
    with connect() as client:
        found = find_release(client, release)
    offset = tamper(folder, found)
    say(f"byte {offset} of {found['name']} is altered on the server; roll it out and see")


@app.command("forge-release")
def forge_release(
    kind: Annotated[str, typer.Option(help="A kind of node.")] = "streetlight",
) -> None:
    """Be a thief: upload a release that is signed by a key that no node trusts.

    Example: cityfleet demo forge-release --kind reservoir
    """
    import time

    from tools.demo import orders
    from tools.demo.sabotage import FORGED_VERSION, forge

    city_s = int(orders.demo(_folder(), do="status")["city_s"])
    with connect() as client:
        answer = forge(client, kind, max(city_s, int(time.time())))
    name = f"{kind}-{FORGED_VERSION}"
    say(f"release {answer['id']} is signed by a thief; now: cityfleet rollout start {name} --watch")


@app.command()
def password() -> None:
    """Make a new password for the demo's administrator."""
    from tools.demo.programs import new_password

    answer = new_password(_folder())
    say(f"user {answer['username']}, password {answer['password']}   (shown only now)")


def _folder() -> "DemoFolder":
    import os
    from pathlib import Path

    from tools.client.credentials import demo_folder
    from tools.demo.folder import DemoFolder

    return DemoFolder(demo_folder(dict(os.environ), Path.cwd()))


def _seen(node: dict[str, Any]) -> tuple[object, ...]:
    level, power = node.get("level"), node.get("power")
    return (
        node.get("pid"),
        "on" if node.get("mains") else "OFF",
        None if level is None else f"{level} %",
        None if power is None else f"{power} W",
    )


def _value(text: str) -> object:
    words = {"on": True, "off": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text
