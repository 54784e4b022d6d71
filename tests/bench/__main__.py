"""`make bench`: speed and memory, measured in one run, as a table.

    python -m tests.bench            # prints
    python -m tests.bench --write    # also keeps the table in docs/benchmarks.md

Nothing here fails on a figure: a slow machine is a slow machine. What must hold is a test's
business, counted in instructions or bytes.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from tests.bench import district, firmware_sizes, node_speed, outbox, setup_time
from tests.bench.row import Row

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"


def main() -> None:
    """Measures everything and prints the table."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/benchmarks.md")
    options = parser.parse_args()
    rows: list[Row] = list(setup_time.measure())
    with tempfile.TemporaryDirectory(prefix="cityfleet-bench-") as folder:
        rows += firmware_sizes.measure(Path(folder))
        rows += outbox.measure(Path(folder))
        rows += node_speed.measure(Path(folder))
        rows += district.measure(Path(folder))
    text = table(rows)
    print(text)
    if options.write:
        keep(text)


def table(rows: Iterable[Row]) -> str:
    """The rows as Markdown, with machine and date."""
    lines = [f"Measured on {date.today().isoformat()} on {machine()}.", ""]
    lines += ["| what | measured | aim |", "|---|---|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.aim} |" for row in rows]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """What a reader needs to judge the figures."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    cores = f"{os.cpu_count()} cores {platform.machine()}"
    return f"{cores}, {memory:.0f} GiB, {system}, Python {platform.python_version()}"


def keep(text: str) -> None:
    """Puts the table between the marks of docs/benchmarks.md."""
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    PAGE.write_text(head + BEGIN + "\n" + text + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
