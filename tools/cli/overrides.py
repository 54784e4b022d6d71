"""`cityfleet override ...`: a level by hand, for a while."""

from typing import Annotated, Any

import typer

from tools.cli.options import Group, Json, Nodes, Wait, WaitSeconds
from tools.cli.output import local_time, print_json, print_table, say
from tools.cli.session import connect
from tools.errors import UsageError

app = typer.Typer(help="Set lamps by hand for a while.", no_args_is_help=True)


@app.command("set")
def set_override(
    level: Annotated[int, typer.Argument(min=0, max=100, help="Percent.")],
    minutes: Annotated[
        int, typer.Option("--minutes", "-m", min=1, max=1440, help="City time until it ends.")
    ],
    group: Group = None,
    node: Nodes = None,
    reason: Annotated[str, typer.Option(help="Why; it stands in the record.")] = "",
    wait: Wait = False,
    timeout: WaitSeconds = 60,
    json: Json = False,
) -> None:
    """Set lamps to a level; after the minutes they go back to their program by themselves.

    Example: cityfleet override set 80 --minutes 30 --group "Đèn Hùng Vương" --reason "lễ hội"
    """
    from tools.cli.follow import follow_command

    with connect() as client:
        body = {**_targets(client, group, node), "level": level, "minutes": minutes}
        answer = client.post("overrides", {**body, "reason": reason})
        command = answer["command_id"]
        if json:
            print_json(answer)
        else:
            say(f"command {command}: {level} % for {minutes} minutes of city time")
        if wait:
            follow_command(client, command, "reached", timeout)


@app.command()
def clear(
    group: Group = None,
    node: Nodes = None,
    wait: Wait = False,
    timeout: WaitSeconds = 60,
) -> None:
    """End an override early.

    Example: cityfleet override clear --group "Đèn Hùng Vương"
    """
    from tools.cli.follow import follow_command

    with connect() as client:
        answer: dict[str, Any] = client.delete("overrides", _targets(client, group, node))
        command = answer["command_id"]
        say(f"command {command}: back to the program")
        if wait:
            follow_command(client, command, "reached", timeout)


@app.command("list")
def list_overrides(json: Json = False) -> None:
    """List the overrides that run now."""
    with connect() as client:
        found: list[dict[str, Any]] = client.get("overrides")["overrides"]
    if json:
        print_json(found)
        return
    rows = (
        (item["node_id"], f"{item['level']} %", local_time(item["until_s"]), item.get("reason"))
        for item in found
    )
    print_table(("Node", "Level", "Until", "Reason"), rows, "no override runs")


def _targets(client: Any, group: str | None, nodes: list[str] | None) -> dict[str, Any]:
    from tools.cli.lookup import find_group

    if (group is None) == (not nodes):
        raise UsageError("which lamps? give either --group NAME or --node ID")
    if group is not None:
        return {"group_id": find_group(client, group)["id"]}
    return {"node_ids": nodes}
