"""`cityfleet programs ...`: dimming programs of a night."""

from typing import Annotated, Any

import typer

from tools.cli.options import Json
from tools.cli.output import local_time, print_facts, print_json, print_table, say
from tools.cli.session import connect

app = typer.Typer(help="Dimming programs: what a lamp does in a night.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name or id of a program.")]
Steps = Annotated[
    list[str],
    typer.Option(
        "--step",
        "-s",
        help="sunset=100, 23:00=40 or sunrise-15=0; with /60 over 60 seconds. In order.",
    ),
]


@app.command("list")
def list_programs(json: Json = False) -> None:
    """List the programs."""
    from tools.cli.steps import step_text

    with connect() as client:
        found: list[dict[str, Any]] = client.get("programs")["programs"]
    if json:
        print_json(found)
        return
    rows = (
        (item["id"], item["name"], item.get("version"), ", ".join(map(step_text, item["steps"])))
        for item in found
    )
    print_table(("ID", "Name", "Version", "Steps"), rows, "there are no programs yet")


@app.command()
def create(name: Annotated[str, typer.Argument(help="Its name.")], step: Steps) -> None:
    """Make a program.

    Example: cityfleet programs create "Đêm tiết kiệm" -s sunset=100 -s 23:00=40 -s sunrise=0
    """
    from tools.cli.steps import parse_step

    steps = [parse_step(text) for text in step]
    with connect() as client:
        answer = client.post("programs", {"name": name, "steps": steps})
    say(f"made program {answer['id']} {name} with {len(steps)} steps")


@app.command()
def change(
    program: Name,
    step: Steps,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
) -> None:
    """Replace the steps of a program; groups follow it at their next push.

    Example: cityfleet programs change "Đêm tiết kiệm" -s sunset=100 -s 22:00=30 -s sunrise=0
    """
    from tools.cli.lookup import find_program
    from tools.cli.steps import parse_step

    steps = [parse_step(text) for text in step]
    with connect() as client:
        found = find_program(client, program)
        client.put(f"programs/{found['id']}", {"name": name or found["name"], "steps": steps})
    say(f"changed program {found['id']}; push it to the groups that should follow")


@app.command()
def preview(
    program: Name,
    node: Annotated[str, typer.Option("--node", "-n", help="For the place of this lamp.")],
    date: Annotated[str, typer.Option(help="The evening's date, as 2026-02-17.")] = "",
    json: Json = False,
) -> None:
    """Show what a program does at a lamp in one night.

    Example: cityfleet programs preview "Đêm tiết kiệm" --node pk-sl-001 --date 2026-02-17
    """
    from tools.cli.lookup import find_program

    with connect() as client:
        found = find_program(client, program)
        path = f"programs/{found['id']}/preview"
        answer: dict[str, Any] = client.get(path, node=node, date=date or None)
    if json:
        print_json(answer)
        return
    print_facts(
        (name, local_time(answer.get(key)))
        for name, key in (("sunset", "sunset_s"), ("sunrise", "sunrise_s"))
    )
    last: object = None
    changes: list[tuple[object, object]] = []
    for at_s, level in zip(answer["at_s"], answer["levels"], strict=True):
        if level != last:
            changes.append((local_time(at_s), f"{level} %"))
            last = level
    print_table(("From", "Level"), changes, "the lamp stays off")
