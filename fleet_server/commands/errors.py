"""Our own bugs around commands; what callers do wrong are `fleet_server.errors`."""

from __future__ import annotations


class CommandError(Exception):
    """A command cannot be given or followed."""


class TargetStateError(CommandError):
    """Our own bug: an event that a target's state does not know."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"a target that is {state} cannot take the event {event}")
        self.state = state
        self.event = event
