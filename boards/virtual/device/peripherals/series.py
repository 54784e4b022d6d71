"""SIMULATOR: replay of a measured series as what the sensors of this node stand in.

The bench resamples a series to equal steps and writes it once as integers; here one row is
read at a time, and between two rows the value is interpolated. By day and by night the
replay keeps step with the local hour.
"""

_MISSING = -(1 << 31)
_instance = None


class NoSeries:
    """A node without a series: nothing is known."""

    def value(self, name: str) -> float | None:
        """No value."""
        return None


class Series:
    """Columns over time."""

    def __init__(self, plant: object, what: dict) -> None:
        """`what`: {"path", "columns": [..], "rows", "step_s", "shift_s"}."""
        self._city = plant.city
        self._columns = what["columns"]
        self._rows = what["rows"]
        self._step_s = what["step_s"]
        self._shift_s = what["shift_s"]
        self._file = open(what["path"], "rb")
        self._size = 4 * len(self._columns)

    def value(self, name: str) -> float | None:
        """The column's value at the city's moment; None in a gap of the measurement."""
        position_s = (self._city.now_s() + self._shift_s) % (self._rows * self._step_s)
        row = position_s // self._step_s
        part = position_s % self._step_s / self._step_s
        column = self._columns.index(name)
        here = self._cell(row, column)
        after = self._cell((row + 1) % self._rows, column)
        if here is None or after is None:
            return here
        return here + (after - here) * part

    def _cell(self, row: int, column: int) -> float | None:
        self._file.seek(row * self._size + 4 * column)
        raw = int.from_bytes(self._file.read(4), "little")
        if raw & 0x80000000:
            raw -= 1 << 32
        return None if raw == _MISSING else raw / 1000


def make_series(plant: object) -> object:
    """The one series of this node."""
    global _instance
    if _instance is None:
        what = plant.word.get("series")
        _instance = Series(plant, what) if what else NoSeries()
    return _instance
