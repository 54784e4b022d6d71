"""Where each table and key of a TOML document stands; tomllib does not tell."""

import re


class Lines:
    """The lines of one document."""

    def __init__(self, text: str) -> None:
        self._places: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.split("\n"), 1):
            if header := re.match(r"\s*\[{1,2}([^\[\]]+)\]", line):
                table = _dotted(header[1])
                self._note(table, number)
            elif key := re.match(r"\s*([^=#\[\]{}]+?)\s*=", line):
                self._note(table + _dotted(key[1]), number)

    def of(self, table: str, key: str = "") -> int:
        """The line of a key; of what holds it where it has none of its own; else the first."""
        path = tuple(table.split(".")) + ((key,) if key else ())
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, 1)

    def _note(self, path: tuple[str, ...], number: int) -> None:
        for length in range(1, len(path) + 1):
            self._places.setdefault(path[:length], number)


def _dotted(text: str) -> tuple[str, ...]:
    return tuple(word.strip().strip("\"'") for word in text.split("."))
