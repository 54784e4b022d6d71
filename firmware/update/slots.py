"""The application's side of slots.json; the bootstrap (boot/main.py) owns its meaning.

The bootstrap is never updated, so this form is fixed for the life of a node:

    {"active": "a", "trial": null | "b", "attempts": 3, "rolled_back": null | "b"}
"""

import json

from firmware.core.limits import TRIAL_ATTEMPTS
from firmware.core.storage import write_atomic

_FILE = "slots.json"


def other(slot: str) -> str:
    """The slot that is not this one."""
    return "b" if slot == "a" else "a"


def begin_trial(active: str, trial: str) -> None:
    """From the next boot on, try `trial`; `active` is what to go back to."""
    _write(active, trial, TRIAL_ATTEMPTS)


def settle(active: str) -> None:
    """`active` is what runs from now on, and nothing is on trial."""
    _write(active, None, 0)


def _write(active: str, trial: str | None, attempts: int) -> None:
    slots = {"active": active, "trial": trial, "attempts": attempts, "rolled_back": None}
    write_atomic(_FILE, json.dumps(slots).encode())
