"""What the demo says when it is ready: where to look, how to log in, and what to try."""

import shlex
from pathlib import Path

from tools.demo.accounts import OPERATOR, Login
from tools.demo.clock import speed_text
from tools.demo.district import District
from tools.demo.folder import DemoFolder
from tools.demo.programs import OUTAGE_CONFIRM_S, RESTORE_HOLD_S

_KIND_WORDS = {
    "streetlight": "streetlights",
    "smart_bin": "bins",
    "greenhouse": "greenhouses",
    "reservoir": "reservoir gauges",
    "control_cabinet": "control cabinets",
}


def counts_text(district: District) -> str:
    """How much of what there is."""
    kinds = [f"{count} {_KIND_WORDS[kind]}" for kind, count in district.kinds().items()]
    cabinets, feeders = len(district.cabinets), len(district.feeders)
    return ", ".join(kinds) + f" under {cabinets} cabinets and {feeders} feeders"


def welcome(server: str, first_login: Login | None, city: str, speed: int) -> str:
    """Address, login and clock."""
    if first_login is not None:
        login = f"user {first_login.user}, password {first_login.password}   (shown only now)"
    else:
        login = "as at the first start; a new one: cityfleet demo password"
    return "\n".join(
        (
            "",
            f"  Address   {server}",
            f"  Login     {login}",
            f"  City      {city} in Pleiku and Đà Lạt; {speed_text(speed)}",
            f"  Outages   confirmed after {OUTAGE_CONFIRM_S} s, restored after {RESTORE_HOLD_S} s"
            " of real time (in a city: 30 and 10)",
            "",
        )
    )


def what_to_try(folder: DemoFolder, program: Path, here: Path) -> str:
    """A walk through everything, to be copied line by line into a second terminal.

    Args:
        folder: the demo's.
        program: the command `cityfleet`.
        here: the folder in which the terminal is; paths below it are shortened.
    """
    lines = ["  To try, in a second terminal:"]
    for number, (title, commands) in enumerate(_steps(folder, program, here), start=1):
        lines.append(f"  {number}. {title}")
        lines.extend(f"       {command}" for command in commands)
    lines.append(f"\n  The operator {OPERATOR} runs these. Ctrl-C here ends everything; data stay.")
    return "\n".join(lines)


def _steps(
    folder: DemoFolder, program: Path, here: Path
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    city = _typed(program, here)
    key = _typed(folder.release_key, here)

    def release(kind: str) -> tuple[str, ...]:
        file = _typed(folder.releases / f"{kind}-1.1.0.release", here)
        return (
            f"{city} release build --kind {kind} --version 1.1.0 --counter 2"
            f" --expires-days 3650 --out {file}",
            f"{city} release sign {file} --key {key}",
            f"{city} release upload {file}",
        )

    return (
        (
            "See the fleet, and one lamp follow the evening",
            (f"{city} nodes list", f"{city} nodes watch --search pk-sl-001"),
        ),
        (
            "Make a dimming schedule and push it to all lamps",
            (
                f'{city} programs create "Đêm tiết kiệm" -s sunset=100 -s 23:00=40 -s sunrise=0',
                f'{city} schedule push "Đêm tiết kiệm" --group "Tất cả đèn" --wait',
            ),
        ),
        (
            "Set a street by hand for an hour of city time; it ends by itself",
            (f'{city} override set 80 --minutes 60 --group "Đèn Hùng Vương" --wait',),
        ),
        (
            "Pull the mains of a feeder: one alarm names it and counts its lamps; give it back",
            (
                f'{city} demo cut-feeder "Trần Hưng Đạo"',
                f"{city} alarms list",
                f'{city} demo restore-feeder "Trần Hưng Đạo"',
            ),
        ),
        (
            "Stop the fleet server: the lamps go on by their own clock",
            (f"{city} demo stop-server", f"{city} demo status", f"{city} demo start-server"),
        ),
        (
            "Roll out application 1.1.0: every node checks the signature and boots it on trial",
            (*release("streetlight"), f"{city} rollout start streetlight-1.1.0 --watch"),
        ),
        (
            "Be a thief who signs with a key of his own: the first node refuses, and it ends there",
            (
                f"{city} demo forge-release --kind reservoir",
                f"{city} rollout start reservoir-6.6.6 --watch",
            ),
        ),
        (
            "Be a thief on the server who alters one byte of a good release: refused as well",
            (
                *release("smart_bin"),
                f"{city} demo tamper-release smart_bin-1.1.0",
                f"{city} rollout start smart_bin-1.1.0 --watch",
            ),
        ),
    )


def _typed(path: Path, here: Path) -> str:
    """A path as one types it: short below `here`, and quoted where the shell needs it."""
    short = path.relative_to(here) if path.is_relative_to(here) else path
    return shlex.quote(str(short))
