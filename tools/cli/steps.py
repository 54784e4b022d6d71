"""The short way to write a dimming step on the command line.

sunset=100        at sunset, 100 %
23:00=40          at eleven in the evening, 40 %
sunrise-15=0      a quarter of an hour before sunrise, off
sunset=100/60     over 60 seconds instead of at once
"""

import re
from typing import Any

from tools.errors import UsageError

_STEP = re.compile(
    r"(?:(?P<sun>sunset|sunrise)(?P<offset>[+-]\d{1,3})?|(?P<time>\d{1,2}:\d{2}))"
    r"=(?P<level>\d{1,3})%?(?:/(?P<ramp>\d{1,4})s?)?"
)


def parse_step(text: str) -> dict[str, Any]:
    """One step as the API takes it.

    Raises:
        UsageError: not written as above; whether the values fit is the server's to say.
    """
    match = _STEP.fullmatch(text.strip().replace(" ", ""))
    if match is None:
        raise UsageError(f"step {text!r} is not like sunset=100, 23:00=40 or sunrise-15=0/60")
    time = match["time"]
    return {
        "anchor": match["sun"] or "clock",
        "time": f"{time:0>5}" if time else None,
        "offset_min": int(match["offset"] or 0),
        "level": int(match["level"]),
        "ramp_s": int(match["ramp"] or 0),
    }


def step_text(step: dict[str, Any]) -> str:
    """A step of the API in the short way."""
    if step["anchor"] == "clock":
        anchor = str(step.get("time"))
    else:
        offset = int(step.get("offset_min") or 0)
        anchor = str(step["anchor"]) + (f"{offset:+d}" if offset else "")
    ramp = int(step.get("ramp_s") or 0)
    return f"{anchor}={step['level']}" + (f"/{ramp}" if ramp else "")
