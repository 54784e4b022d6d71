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
from boards.virtual.scenario import Step, play, read_scenario
from boards.virtual.settings import BenchSettings, read_settings


def main() -> int:
    """Run from the command line; a known error is one line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m boards.virtual", description=__doc__)
    parser.add_argument("--bench", type=Path, required=True, help="bench.json (see README.md)")
    parser.add_argument("--scenario", type=Path, help="orders at their moments (see README.md)")
    arguments = parser.parse_args()
    try:
        settings = read_settings(arguments.bench)
        steps = read_scenario(arguments.scenario, settings) if arguments.scenario else []
        asyncio.run(_run(settings, steps))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


async def _run(settings: BenchSettings, steps: list[Step]) -> None:
    with alone(settings.work_folder), listen(settings.control_port) as line:
        bench = Bench(settings, prepare(settings))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, bench.stop)
        async with ControlLine(bench, settings.control_secret).open(line):
            port = line.getsockname()[1]
            print(f"bench: {len(settings.nodes)} nodes, control line {LOOPBACK}:{port}", flush=True)
            async with asyncio.TaskGroup() as group:
                playing = group.create_task(play(bench, steps, settings.clock.speed, _say))
                await bench.run()
                playing.cancel()


def _say(text: str) -> None:
    print(f"scenario: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
