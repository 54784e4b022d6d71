"""What can be wrong with an alarm."""

from __future__ import annotations


class AlarmError(Exception):
    """An alarm cannot do what is asked of it."""


class AlarmLifeError(AlarmError):
    """An event that an alarm's state does not know."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"an alarm that is {state} cannot take the event {event}")
        self.state = state
        self.event = event


class UnknownAlarmError(AlarmError):
    """No alarm has this number."""
