"""`cityfleet rules ...`: by what greenhouses switch their own outputs."""

import json as json_format
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from tools.cli.options import Group, Json, Nodes, Wait, WaitSeconds
from tools.cli.output import print_json, print_table, say
from tools.cli.session import connect
from tools.errors import UsageError

app = typer.Typer(help="By what greenhouses switch their outputs.", no_args_is_help=True)
_FILE_BYTES = 65536


@app.command()
def show(
    node: Annotated[str, typer.Argument(help="Id of a greenhouse.")], json: Json = False
) -> None:
    """Show the rules of a greenhouse; --json prints what `set` takes."""
    from tools.client.http import segment

    with connect() as client:
        found: dict[str, Any] = client.get(f"nodes/{segment(node)}/rules")
    if json:
        print_json(found["rules"])
        return
    rows = (
        (
            output,
            rule["measure"],
            f"{rule['on']:g}",
            f"{rule['off']:g}",
            "on" if rule["fail_safe"] else "off",
        )
        for output, rule in found["rules"].items()
    )
    print_table(("Output", "By", "On at", "Off at", "When blind"), rows, "all outputs stay off")


@app.command("set")
def set_rules(
    file: Annotated[Path, typer.Argument(help="JSON: output -> rule, in units.")],
    group: Group = None,
    node: Nodes = None,
    wait: Wait = False,
    timeout: WaitSeconds = 60,
) -> None:
    """Give greenhouses their rules, whole; an output without one stays off.

    Example: cityfleet rules set watering.json --node dl-gh-001 --wait

    watering.json: {"irrigation": {"measure": "soil_moisture_percent", "on": 25, "off": 32}}
    """
    _put(_read(file), group, node, wait, timeout)


@app.command()
def clear(
    group: Group = None, node: Nodes = None, wait: Wait = False, timeout: WaitSeconds = 60
) -> None:
    """Take all rules away: every output goes off and stays off."""
    _put({}, group, node, wait, timeout)


def _put(
    rules: dict[str, Any], group: str | None, nodes: list[str] | None, wait: bool, timeout: int
) -> None:
    from tools.cli.follow import follow_command
    from tools.cli.lookup import find_group

    if (group is None) == (not nodes):
        raise UsageError("which greenhouses? give either --group NAME or --node ID")
    with connect() as client:
        whom: dict[str, Any] = {"node_ids": nodes}
        if group is not None:
            whom = {"group_id": find_group(client, group)["id"]}
        command = client.put("rules", {**whom, "rules": rules})["command_id"]
        say(f"command {command}: rules for {', '.join(sorted(rules)) or 'no output'}")
        if wait:
            follow_command(client, command, "reached", timeout)


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes()
        if len(text) > _FILE_BYTES:
            raise UsageError(f"{file} is larger than {_FILE_BYTES} bytes")
        rules = json_format.loads(text)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}") from error
    if not isinstance(rules, dict):
        raise UsageError(f"{file} is not a map of outputs")
    return cast("dict[str, Any]", rules)
