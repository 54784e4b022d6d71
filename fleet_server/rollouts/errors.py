"""Our own bugs around rollouts; what callers do wrong are `fleet_server.errors`."""

from __future__ import annotations


class RolloutStateError(Exception):
    """An event that a rollout's, or a node's, state does not know."""

    def __init__(self, what: str, state: str, event: str) -> None:
        super().__init__(f"a {what} that is {state} cannot take the event {event}")
        self.what = what
        self.state = state
        self.event = event
