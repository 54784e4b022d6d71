"""Pins the browser assets anew: the npm half of `make lock`."""

import sys
from pathlib import Path

from tools.setup.commands import run
from tools.setup.errors import SetupError
from tools.setup.node import find_npm
from tools.setup.progress import Progress

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> int:
    """Writes package-lock.json; returns the exit status."""
    try:
        run([*find_npm(ROOT, Progress()), "install", "--package-lock-only"], cwd=ROOT)
    except SetupError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
