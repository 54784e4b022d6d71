"""How long a set-up takes that has nothing to do."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.row import Row

ROOT = Path(__file__).parents[2]


def measure() -> Iterator[Row]:
    """The second run of `make setup`."""
    subprocess.run(["make", "setup"], cwd=ROOT, check=True, capture_output=True, timeout=600)
    began = time.monotonic()
    subprocess.run(["make", "setup"], cwd=ROOT, check=True, capture_output=True, timeout=600)
    yield Row("`make setup` with nothing to do", f"{time.monotonic() - began:.2f} s", "under 2 s")
