"""SIMULATOR: the bench's commands, JSON lines on standard input or a line of their own.

    {"mains": false}    {"set": "tilt", "value": 30}

The end of the input means that the bench is gone; then this chip is gone too, so that no
node is left behind by a bench that was killed.
"""

import asyncio
import json
import sys

from plant import power


def listen(plant: object, line: int) -> None:
    """Follow the line beside the firmware, whose loop this task shares."""
    asyncio.create_task(_follow(plant, sys.stdin if line == 0 else open(line, "rb")))


async def _follow(plant: object, source: object) -> None:
    stream = asyncio.StreamReader(source)
    while True:
        # The bench writes whole lines at once, so a readable input holds a whole line.
        line = await stream.readline()
        if not line:
            power.leave(power.EXIT_BENCH_GONE)
        command = json.loads(line)
        if "mains" in command:
            plant.set_mains(bool(command["mains"]))
        if "set" in command:
            plant.put(command["set"], command.get("value"))
