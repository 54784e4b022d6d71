"""`cityfleet alarms ...`: what is wrong in the city, one alarm per cause."""

from typing import Annotated, Any

import typer

from tools.cli.options import Json
from tools.cli.output import clean, local_time, print_json, print_table, say
from tools.cli.session import connect

app = typer.Typer(help="What is wrong in the city, one alarm per cause.", no_args_is_help=True)


@app.command("list")
def list_alarms(
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    json: Json = False,
) -> None:
    """List the alarms, active ones first.

    Example: cityfleet alarms list --all
    """
    with connect() as client:
        answer = client.get("alarms", state=None if everything else "active")
    found: list[dict[str, Any]] = answer["alarms"]
    if json:
        print_json(found)
        return
    columns = ("ID", "State", "Cause", "Object", "Lamps", "Raised", "Ended", "Acknowledged by")
    rows = (
        (
            item["id"],
            item["state"],
            ": ".join(filter(None, (item["cause"], item.get("which")))),
            _object(item),
            _lamps(item),
            local_time(item.get("raised_s")),
            local_time(item.get("cleared_s")),
            item.get("acknowledged_by"),
        )
        for item in found
    )
    print_table(columns, rows, "no alarm is active")


@app.command()
def acknowledge(
    alarm: Annotated[str, typer.Argument(help="Id of an alarm.")],
    note: Annotated[str, typer.Option(help="What you know or do about it.")] = "",
) -> None:
    """Say that you have seen an alarm and take care of it.

    Example: cityfleet alarms acknowledge 3 --note "đội sửa chữa đang đến"
    """
    from tools.client.http import segment

    with connect() as client:
        client.post(f"alarms/{segment(alarm)}/acknowledge", {"note": note})
    say(f"acknowledged alarm {clean(alarm)}")


def _object(item: dict[str, Any]) -> str:
    name = item.get("object_name") or item.get("object_id")
    return f"{item.get('object_kind', '')} {name}".strip()


def _lamps(item: dict[str, Any]) -> str:
    count, total = item.get("count"), item.get("total")
    if count is None:
        return ""
    return f"{count} of {total}" if total else str(count)
