"""What to mend when no connection comes about: socket -> link -> modem -> reset. Pure.

A new socket with a new name look-up is tried each time. When that meets silence again and
again the link is taken down and up, then what carries it loses its power, then the board is
reset. Somebody who answers, be it with a refusal, proves the way: then nothing is mended.
"""

from firmware.core.errors import ClockNotSetError, LinkError

SOCKET = "socket"
LINK = "link"
MODEM = "modem"
RESET = "reset"

SILENT = "silent"
DOWN = "down"
ANSWERED = "answered"

# rung: {event: (failures that it is given, the rung above)}; None: mending cannot help.
LADDER = {
    SOCKET: {SILENT: (4, LINK), DOWN: (1, LINK), ANSWERED: None},
    LINK: {SILENT: (3, MODEM), DOWN: (1, MODEM), ANSWERED: None},
    MODEM: {SILENT: (3, RESET), DOWN: (3, RESET), ANSWERED: None},
    # After a reset that was not due the ladder begins anew.
    RESET: {SILENT: (1, SOCKET), DOWN: (1, SOCKET), ANSWERED: None},
}
# What no restart changes: a time server that lies, a part that is not there.
_BEYOND_MENDING = ("time_before_floor", "link_config_damaged")
# (rung, failures on it)
START = (SOCKET, 0)


def event_of(error: object) -> str:
    """What a failure says about the way to the server."""
    if isinstance(error, ClockNotSetError):
        return SILENT
    if error.name in _BEYOND_MENDING:
        return ANSWERED
    if isinstance(error, LinkError):
        # Only a link that did not come up has a name of its own.
        return SILENT if error.name in ("link_down", "name_not_found") else DOWN
    return SILENT if getattr(error, "is_silence", False) else ANSWERED


def step(state: tuple[str, int], event: str) -> tuple[tuple[str, int], str | None]:
    """The state after a failure, and the rung whose mending is due before the next try."""
    rung, failures = state
    way = LADDER[rung][event]
    if way is None:
        return START, None
    given, above = way
    if failures + 1 < given:
        return (rung, failures + 1), None
    return (above, 0), (None if above == SOCKET else above)
