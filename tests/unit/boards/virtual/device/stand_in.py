# pyright: basic, reportArgumentType=false, reportMissingImports=false
"""A node's main.py for tests of the bench: it does what "fill" by hand tells it to.

Notes what it hears in heard.jsonl. Runs on MicroPython, on top of the real device half.
"""

import json
import os
import sys
import time

from plant import power

RESET, CRASH, WATCHDOG, SLEEP, DEAF, CHATTER, HANG_UP, NONSENSE, ARMED = range(1, 10)

word = json.loads(os.getenv("CITYFLEET_BENCH"))
line = open(word["line_fd"], "wb")  # noqa: SIM115 the line lasts as long as the process


def note(what: dict) -> None:
    with open("heard.jsonl", "a") as file:
        file.write(json.dumps(what) + "\n")


def say(what: dict) -> None:
    line.write(json.dumps(what).encode() + b"\n")


def act(number: int) -> None:
    if number == RESET:
        power.leave(75)
    elif number == CRASH:
        raise ValueError("a bug")
    elif number == WATCHDOG:
        power.alarm(1)
        time.sleep(60)
    elif number == SLEEP:
        say({"sleep_ms": 700})
        power.leave(77)
    elif number == ARMED:
        armed = [["tilt", 45, 200, 3], ["fire", 0, 0, 2], "nonsense", ["tilt", None, 0, 3]]
        say({"sleep_ms": 600000, "wake": armed})
        power.leave(77)
    elif number == DEAF:
        note({"deaf": True})
        while True:
            time.sleep(1)
    elif number == CHATTER:
        for _ in range(20000):
            print("x" * 99)
        print("the end")
        note({"chattered": True})
    elif number == HANG_UP:
        line.close()
        time.sleep(60)
    elif number == NONSENSE:
        line.write(b"no json\n[1]\n" + b"y" * 9000 + b"\n" + b'{"level": NaN}\n')
        for index in range(50):
            say({"name" + str(index): index, "long": "z" * 500})
        say({"id": "somebody-else", "level": 7})


note({"boot": word})
if word["kind"] == "streetlight":
    say({"id": word["node"], "level": 100, "duty": 65535, "relay": 1, "power_w": 99.96})
if word["set"].get("battery") == 0.5:
    raise RuntimeError("will never start")
while True:
    text = sys.stdin.readline()
    if not text:
        power.leave(76)
    command = json.loads(text)
    note(command)
    if command.get("set") == "fill" and command["value"] is not None:
        act(command["value"])
