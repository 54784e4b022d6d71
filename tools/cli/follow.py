"""Follows a command or a rollout live until every node has answered."""

import time
from collections.abc import Callable
from typing import Any

from tools.cli.output import progress_bar
from tools.client.http import FleetClient
from tools.errors import ToolError

LOOK_S = 0.25
ROLLOUT_LOOK_S = 0.5
REASONS_SHOWN = 3
COMMAND_DONE = ("reached", "refused", "superseded")
ROLLOUT_DONE = ("confirmed", "refused", "rolled_back", "timed_out")


class NotFinishedError(ToolError):
    """It did not end well, or not in the time that was given."""


def follow_command(client: FleetClient, command: object, title: str, timeout_s: int) -> None:
    """Shows how many nodes of a command have reached it, and returns when all have.

    Raises:
        NotFinishedError: nodes refused, or time ran out.
    """

    def look() -> dict[str, Any]:
        return client.get(f"commands/{command}")

    counts = _follow(look, title, "reached", COMMAND_DONE, timeout_s, LOOK_S)
    refused = counts.get("refused", 0)
    if refused:
        raise NotFinishedError(f"{refused} nodes refused; why: cityfleet commands show {command}")


def follow_rollout(client: FleetClient, rollout: object, title: str, timeout_s: int) -> None:
    """Shows how many nodes of a rollout have confirmed it, and returns when it has ended.

    Raises:
        NotFinishedError: it was paused or aborted, nodes refused, or time ran out.
    """

    def look() -> dict[str, Any]:
        found: dict[str, Any] = client.get(f"rollouts/{rollout}")
        if found.get("state") in ("paused", "aborted"):
            raise NotFinishedError(
                f"the rollout is {found['state']}: {found.get('reason') or 'by hand'}"
                f"{_why(found)}; details: cityfleet rollout status {rollout}"
            )
        return found

    counts = _follow(look, title, "confirmed", ROLLOUT_DONE, timeout_s, ROLLOUT_LOOK_S)
    failed = sum(counts.get(state, 0) for state in ROLLOUT_DONE[1:])
    if failed:
        raise NotFinishedError(
            f"{failed} nodes did not take it; why: cityfleet rollout status {rollout}"
        )


def _follow(
    look: Callable[[], dict[str, Any]],
    title: str,
    good: str,
    ends: tuple[str, ...],
    timeout_s: int,
    pause_s: float,
) -> dict[str, int]:
    end_s = time.monotonic() + timeout_s
    counts: dict[str, int] = look()["counts"]
    total = sum(counts.values())
    with progress_bar(title, total) as show:
        while True:
            waiting = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
            show(counts.get(good, 0), waiting)
            if sum(counts.get(state, 0) for state in ends) >= total:
                return counts
            if time.monotonic() > end_s:
                raise NotFinishedError(
                    f"not finished after {timeout_s} s ({waiting}); it goes on by itself"
                )
            time.sleep(pause_s)
            counts = look()["counts"]


def _why(rollout: dict[str, Any]) -> str:
    """The reasons that the first nodes gave."""
    nodes: list[dict[str, Any]] = rollout.get("nodes") or []
    failed = [node for node in nodes if node.get("state") in ROLLOUT_DONE[1:]]
    words = [f"{node['node_id']} says {node.get('reason')}" for node in failed[:REASONS_SHOWN]]
    return f" ({', '.join(words)})" if words else ""
