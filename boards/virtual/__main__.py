"""`python -m boards.virtual --bench bench.json`: run a virtual bench until it is told to stop."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from boards.virtual.bench import Bench
from boards.virtual.control import LOOPBACK, ControlLine, listen
from boards.virtual.errors import BenchError
from boards.virtual.launch import alone, prepare
from boards.virtual.settings import BenchSettings, read_settings


def main() -> int:
    """Run from the command line; a known error is one line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m boards.virtual", description=__doc__)
    parser.add_argument("--bench", type=Path, required=True, help="bench.json (see README.md)")
    arguments = parser.parse_args()
    try:
        asyncio.run(_run(read_settings(arguments.bench)))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


async def _run(settings: BenchSettings) -> None:
    with alone(settings.work_folder), listen(settings.control_port) as line:
        bench = Bench(settings, prepare(settings))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, bench.stop)
        async with ControlLine(bench, settings.control_secret).open(line):
            port = line.getsockname()[1]
            print(f"bench: {len(settings.nodes)} nodes, control line {LOOPBACK}:{port}", flush=True)
            await bench.run()


if __name__ == "__main__":
    sys.exit(main())
