"""`cityfleet groups ...`: named lists of nodes."""

from typing import Annotated, Any

import typer

from tools.cli.options import Json
from tools.cli.output import print_json, print_table, say
from tools.cli.session import connect

app = typer.Typer(help="Named lists of nodes.", no_args_is_help=True)


@app.command("list")
def list_groups(json: Json = False) -> None:
    """List the groups and how many nodes each has."""
    with connect() as client:
        found: list[dict[str, Any]] = client.get("groups")["groups"]
    if json:
        print_json(found)
        return
    rows = ((item["id"], item["name"], len(item["node_ids"])) for item in found)
    print_table(("ID", "Name", "Nodes"), rows, "there are no groups yet")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the new group.")],
    node: Annotated[list[str], typer.Option("--node", "-n", help="Node id; give several.")],
) -> None:
    """Make a group of nodes.

    Example: cityfleet groups create "Đèn thử" -n pk-sl-001 -n pk-sl-002
    """
    with connect() as client:
        answer = client.post("groups", {"name": name, "node_ids": node})
    say(f"made group {answer.get('id', '')} {name} with {len(node)} nodes")
