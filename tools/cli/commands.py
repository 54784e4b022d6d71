"""`cityfleet commands ...`: what was sent to the nodes and how far it came."""

from typing import Annotated, Any

import typer

from tools.cli.options import Json, WaitSeconds
from tools.cli.output import local_time, print_facts, print_json, print_table
from tools.cli.session import connect

app = typer.Typer(help="What was sent to the nodes, and how far it came.", no_args_is_help=True)

Command = Annotated[str, typer.Argument(help="Id of a command.")]


@app.command("list")
def list_commands(json: Json = False) -> None:
    """List the commands, newest first."""
    with connect() as client:
        found: list[dict[str, Any]] = client.get("commands")["commands"]
    if json:
        print_json(found)
        return
    rows = (
        (
            item["id"],
            local_time(item.get("created_s")),
            item.get("created_by"),
            item.get("title"),
            _counts(item),
        )
        for item in found
    )
    print_table(("ID", "At", "By", "What", "Nodes"), rows, "nothing was sent yet")


@app.command()
def show(command: Command, json: Json = False) -> None:
    """Show one command, node by node."""
    from tools.client.http import segment

    with connect() as client:
        found: dict[str, Any] = client.get(f"commands/{segment(command)}")
    if json:
        print_json(found)
        return
    print_facts(
        [
            ("command", found["id"]),
            ("what", found.get("title")),
            ("by", found.get("created_by")),
            ("at", local_time(found.get("created_s"))),
            ("nodes", _counts(found)),
        ]
    )
    rows = (
        (target["node_id"], target["state"], target.get("version"), target.get("reason"))
        for target in found["targets"]
    )
    print_table(("Node", "State", "Version", "Reason"), rows, "no nodes")


@app.command()
def watch(command: Command, timeout: WaitSeconds = 120) -> None:
    """Follow a command live until every node has answered."""
    from tools.cli.follow import follow_command

    with connect() as client:
        follow_command(client, command, "reached", timeout)


def _counts(item: dict[str, Any]) -> str:
    counts: dict[str, int] = item.get("counts") or {}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)
