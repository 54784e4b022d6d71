"""`cityfleet schedule push`: brings a dimming program to the lamps of a group."""

from typing import Annotated

import typer

from tools.cli.options import Json, Wait, WaitSeconds
from tools.cli.output import print_json, say
from tools.cli.session import connect

app = typer.Typer(help="Bring dimming programs to lamps.", no_args_is_help=True)


@app.callback()
def schedule() -> None:
    """Bring dimming programs to lamps."""


@app.command()
def push(
    program: Annotated[str, typer.Argument(help="Name or id of a program.")],
    group: Annotated[str, typer.Option("--group", "-g", help="Name or id of a group.")],
    wait: Wait = False,
    timeout: WaitSeconds = 120,
    json: Json = False,
) -> None:
    """Push a program to every lamp of a group.

    Lamps that are away get it when they return, and follow it by their own clock.

    Example: cityfleet schedule push "Đêm tiết kiệm" --group "Tất cả đèn" --wait
    """
    from tools.cli.follow import follow_command
    from tools.cli.lookup import find_group, find_program

    with connect() as client:
        chosen_program, chosen_group = find_program(client, program), find_group(client, group)
        body = {"program_id": chosen_program["id"], "group_id": chosen_group["id"]}
        answer = client.post("schedules/push", body)
        command = answer["command_id"]
        if json:
            print_json(answer)
        else:
            say(f"command {command}: {chosen_program['name']} to {chosen_group['name']}")
        if wait:
            follow_command(client, command, "reached", timeout)
