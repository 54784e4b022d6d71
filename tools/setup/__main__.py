"""The set-up command: `python3 -m tools.setup`, run by every target of the Makefile.

With `--tests` it also prepares what only the tests need.
"""

import argparse
import sys
from pathlib import Path

from tools.setup.environment import prepare_environment
from tools.setup.errors import SetupError
from tools.setup.node import prepare_assets
from tools.setup.places import turn
from tools.setup.progress import Progress
from tools.setup.runtimes import prepare_runtimes
from tools.setup.testing import prepare_tests

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> int:
    """Sets this checkout up; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.setup", description="Set-up.")
    parser.add_argument("--tests", action="store_true", help="also what only the tests need")
    with_tests: bool = parser.parse_args().tests
    progress = Progress()
    try:
        with turn(ROOT, progress):
            prepare_environment(ROOT, progress)
            prepare_runtimes(ROOT, progress)
            prepare_assets(ROOT, progress)
            if with_tests:
                prepare_tests(ROOT, progress)
    except SetupError as error:
        progress.finish()
        print(f"set-up: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        progress.finish()
        print("set-up: stopped; run it again to go on", file=sys.stderr)
        return 130
    progress.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
