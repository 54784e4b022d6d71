"""SIMULATOR: the bench's commands, JSON lines on standard input.

    {"mains": false}    {"set": "tilt", "value": 30}

The end of the input means that the bench is gone; then this chip is gone too, so that no
node is left behind by a bench that was killed.
"""

import asyncio
import json
import sys

from plant import power


def listen(plant: object) -> None:
    """Follow standard input beside the firmware, whose loop this task shares."""
    asyncio.create_task(_follow(plant))


async def _follow(plant: object) -> None:
    stream = asyncio.StreamReader(sys.stdin)
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
