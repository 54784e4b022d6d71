"""Lines of JSON objects from a stream that may say anything: bytes in, objects out.

What is no JSON object is dropped, a line that is too long with all of it.
"""

import json
from typing import Any, cast

LINE_BYTES = 4096


class JsonLines:
    """Takes one stream apart."""

    def __init__(self) -> None:
        self._half = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The objects whose lines end in these bytes."""
        found: list[dict[str, Any]] = []
        *lines, self._half = (self._half + data).split(b"\n")
        for line in lines:
            if self._overlong or len(line) > LINE_BYTES:
                self._overlong = False
                continue
            try:
                said: object = json.loads(line, parse_constant=_no_number)
            except (ValueError, RecursionError):
                continue
            if isinstance(said, dict):
                found.append(cast("dict[str, Any]", said))
        if len(self._half) > LINE_BYTES:
            # The rest of this line is thrown away too, whenever it comes.
            self._half = b""
            self._overlong = True
        return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
