"""`cityfleet rollout ...`: brings a release to the nodes of its kind, in phases."""

from typing import Annotated, Any

import typer

from tools.cli.options import Json, WaitSeconds
from tools.cli.output import clean, local_time, print_facts, print_json, print_table, say
from tools.cli.session import connect

app = typer.Typer(help="Bring a release to the nodes, in phases.", no_args_is_help=True)

Rollout = Annotated[str, typer.Argument(help="Id of a rollout.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Follow it live to its end.")]


@app.command()
def start(
    release: Annotated[str, typer.Argument(help="Id of a release, or KIND-VERSION.")],
    watch: Watch = False,
    timeout: WaitSeconds = 600,
    json: Json = False,
) -> None:
    """Start a rollout: first one node, then a quarter, then all.

    Example: cityfleet rollout start streetlight-1.1.0 --watch
    """
    from tools.cli.follow import follow_rollout
    from tools.cli.lookup import find_release

    with connect() as client:
        found = find_release(client, release)
        answer = client.post("rollouts", {"release_id": found["id"]})
        if json:
            print_json(answer)
        else:
            say(f"rollout {answer['id']}: {found['kind']} {found['version']}")
        if watch:
            follow_rollout(client, answer["id"], "confirmed", timeout)


@app.command("list")
def list_rollouts(json: Json = False) -> None:
    """List the rollouts, newest first."""
    with connect() as client:
        found: list[dict[str, Any]] = client.get("rollouts")["rollouts"]
    if json:
        print_json(found)
        return
    rows = (
        (
            item["id"],
            _release(item),
            item["state"],
            item.get("reason"),
            _counts(item),
            local_time(item.get("created_s")),
        )
        for item in found
    )
    columns = ("ID", "Release", "State", "Reason", "Nodes", "Started")
    print_table(columns, rows, "no rollout was started yet")


@app.command()
def status(
    rollout: Rollout, watch: Watch = False, timeout: WaitSeconds = 600, json: Json = False
) -> None:
    """Show a rollout, node by node.

    Example: cityfleet rollout status 1 --watch
    """
    from tools.cli.follow import follow_rollout
    from tools.client.http import segment

    with connect() as client:
        if watch:
            follow_rollout(client, segment(rollout), "confirmed", timeout)
        found: dict[str, Any] = client.get(f"rollouts/{segment(rollout)}")
    if json:
        print_json(found)
        return
    print_facts(
        [
            ("rollout", found["id"]),
            ("release", _release(found)),
            ("state", found["state"]),
            ("reason", found.get("reason")),
            ("nodes", _counts(found)),
        ]
    )
    rows = (
        (item["node_id"], item.get("phase"), item["state"], item.get("reason"))
        for item in found["nodes"]
    )
    print_table(("Node", "Phase", "State", "Reason"), rows, "no nodes")


@app.command()
def pause(rollout: Rollout) -> None:
    """Offer the release to no further node; those that have begun go on."""
    _act(rollout, "pause")


@app.command()
def resume(rollout: Rollout) -> None:
    """Go on with a paused rollout."""
    _act(rollout, "resume")


@app.command()
def abort(rollout: Rollout) -> None:
    """End a rollout for good; nodes keep what they run."""
    _act(rollout, "abort")


def _act(rollout: str, action: str) -> None:
    from tools.client.http import segment

    with connect() as client:
        answer: dict[str, Any] = client.post(f"rollouts/{segment(rollout)}/{action}")
    say(f"rollout {clean(rollout)}: {clean(answer.get('state') or action)}")


def _release(item: dict[str, Any]) -> str:
    return f"{item.get('kind', '')} {item.get('version', '')}".strip()


def _counts(item: dict[str, Any]) -> str:
    counts: dict[str, int] = item.get("counts") or {}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)
