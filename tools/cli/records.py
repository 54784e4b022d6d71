"""`cityfleet messages` and `cityfleet audit`: what was refused, and who did what."""

from typing import Any

import typer

from tools.cli.options import Json
from tools.cli.output import local_time, print_json, print_table, say
from tools.cli.session import connect


def register(app: typer.Typer) -> None:
    """Adds the commands to the top level."""
    app.command()(messages)
    app.command()(audit)


def messages(json: Json = False) -> None:
    """Show the messages that the server refused, counted by reason."""
    with connect() as client:
        found: dict[str, Any] = client.get("refusals")
    if json:
        print_json(found)
        return
    counts = (
        (item["reason"], item["count"], local_time(item["last_s"])) for item in found["counts"]
    )
    print_table(("Reason", "Count", "Last"), counts, "no message was refused")
    if not found["recent"]:
        return
    say("")
    recent = (
        (local_time(item["received_s"]), item["reason"], item["topic"], item.get("detail"))
        for item in found["recent"]
    )
    print_table(("Received", "Reason", "Topic", "Detail"), recent, "")


def audit(json: Json = False) -> None:
    """Show who changed what, newest first."""
    with connect() as client:
        answer = client.get("audit")
    found: list[dict[str, Any]] = answer["entries"]
    if json:
        print_json(found)
        return
    rows = (
        (local_time(item["at_s"]), item["actor"], item["action"], item.get("after"))
        for item in found
    )
    print_table(("At", "Who", "Did", "What"), rows, "nothing was changed yet")
