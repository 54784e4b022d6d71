"""`cityfleet nodes ...`: the fleet's nodes, their readings and events, live."""

import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from tools.cli.options import Json
from tools.cli.output import (
    clean,
    key_values,
    local_time,
    node_state,
    print_facts,
    print_json,
    print_table,
    say,
    short_time,
)
from tools.cli.session import connect
from tools.errors import UnreachableError

# A server that is restarted is back within this many tries, one per second.
RECONNECTS = 30

app = typer.Typer(help="Nodes, their readings and events.", no_args_is_help=True)

Kind = Annotated[
    str | None,
    typer.Option("--kind", "-k", help="A kind, such as streetlight or control_cabinet."),
]
Search = Annotated[
    str | None, typer.Option("--search", "-q", help="Text in id, name or address; accents optional")
]
GroupFilter = Annotated[str | None, typer.Option("--group", "-g", help="Name or id of a group.")]


@app.command("list")
def list_nodes(
    kind: Kind = None,
    search: Search = None,
    group: GroupFilter = None,
    json: Json = False,
) -> None:
    """List nodes with their state; Version is the desired state reached / wanted.

    Example: cityfleet nodes list --kind streetlight --search "tran hung dao"
    """
    with connect() as client:
        found = client.get("nodes", kind=kind, q=search, group=_group(client, group))
    if json:
        print_json(found["nodes"])
        return
    columns = ("ID", "Kind", "State", "Values", "Application", "Version", "Last seen", "Name")
    print_table(columns, (_row(node) for node in found["nodes"]), "no such nodes")


@app.command()
def show(node: Annotated[str, typer.Argument(help="Node id.")], json: Json = False) -> None:
    """Show one node: state, last readings, versions.

    Example: cityfleet nodes show pk-sl-001
    """
    from tools.client.http import segment

    with connect() as client:
        found: dict[str, Any] = client.get(f"nodes/{segment(node)}")
    if json:
        print_json(found)
        return
    print_facts(_facts(found))


@app.command()
def readings(
    node: Annotated[str, typer.Argument(help="Node id.")],
    hours: Annotated[int, typer.Option(min=1, max=24 * 31, help="How far back.")] = 24,
    json: Json = False,
) -> None:
    """Print a node's readings, oldest first.

    Example: cityfleet nodes readings dl-gh-01 --hours 6
    """
    from tools.client.http import segment

    with connect() as client:
        found: dict[str, Any] = client.get(f"nodes/{segment(node)}/readings", hours=hours)
    if json:
        print_json(found)
        return
    names = list(found["values"])
    rows = zip(
        map(local_time, found["at_s"]), *(found["values"][name] for name in names), strict=True
    )
    print_table(["At", *names], rows, "no readings in that time")


@app.command()
def events(node: Annotated[str, typer.Argument(help="Node id.")], json: Json = False) -> None:
    """Print what happened at a node, newest first.

    Example: cityfleet nodes events pk-sl-001
    """
    from tools.client.http import segment

    with connect() as client:
        answer = client.get(f"nodes/{segment(node)}/events")
    found: list[dict[str, Any]] = answer["events"]
    if json:
        print_json(found)
        return
    rows = (
        (local_time(item.get("at_s")), item.get("name") or item.get("code"), item.get("detail"))
        for item in found
    )
    print_table(("At", "Event", "Detail"), rows, "no events yet")


@app.command()
def watch(
    kind: Kind = None,
    search: Search = None,
    group: GroupFilter = None,
) -> None:
    """Print a line whenever a node's state changes, until Ctrl-C.

    Example: cityfleet nodes watch --kind streetlight
    """
    with connect() as client:
        last: dict[str, str] = {}
        query = {"kind": kind, "q": search, "group": _group(client, group)}
        for _ in _changes(client):
            for node in client.get("nodes", **query)["nodes"]:
                line = f"{node_state(node):<8}{key_values(node)}"
                if last.get(node["id"]) != line:
                    last[node["id"]] = line
                    seen = local_time(node.get("at_s") or node.get("last_seen_s"))
                    say(f"{seen}  {clean(node['id']):<16}{clean(line)}")


def _changes(client: Any) -> Iterator[None]:
    """Gives a turn at the start and, at most once a second, after news of nodes."""
    yield
    failures = 0
    while True:
        try:
            for name, _ in client.stream():
                failures = 0
                if name in ("node", "resync"):
                    yield
                    # What else comes in this second is covered by the next turn.
                    time.sleep(1.0)
        except UnreachableError:
            failures += 1
            if failures > RECONNECTS:
                raise
        time.sleep(1.0)


def _group(client: Any, name: str | None) -> str | None:
    if name is None:
        return None
    from tools.cli.lookup import find_group

    return find_group(client, name)["id"]


def _row(node: dict[str, Any]) -> tuple[object, ...]:
    version = f"{node.get('reported_version') or 0}/{node.get('desired_version') or 0}"
    return (
        node["id"],
        node["kind"],
        node_state(node),
        key_values(node),
        node.get("app_version"),
        version,
        short_time(node.get("last_seen_s")),
        node.get("name"),
    )


def _facts(node: dict[str, Any]) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("id", node["id"]),
        ("name", node.get("name")),
        ("kind", node["kind"]),
        ("address", node.get("address")),
        ("place", f"{node.get('lat')}, {node.get('lon')}"),
        ("feeder", node.get("feeder")),
        ("cabinet", node.get("cabinet")),
        ("state", node_state(node)),
        ("last seen", local_time(node.get("last_seen_s"))),
        ("application", node.get("app_version")),
        ("release counter", node.get("release_counter")),
        ("slot", node.get("slot")),
        ("wanted version", node.get("desired_version")),
        ("reached version", node.get("reported_version")),
        ("refusal", node.get("error")),
        ("faults", ", ".join(node.get("faults") or [])),
    ]
    values: dict[str, Any] = node.get("values") or {}
    shown = {name for name, _ in facts} | {"desired_version"}
    return [*facts, *((name, value) for name, value in values.items() if name not in shown)]
