"""Runs other programs for set-up and turns their failures into set-up's own.

Output is collected, not shown: of a failure the one line is kept that tells most.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.setup.errors import SetupError

KEPT_LINES = 200
STOP_TIMEOUT_S = 5
SHOWN_CHARACTERS = 240
# How apt, pip and npm begin the line that says what went wrong.
ERROR_LINE = re.compile(r"E: |W: GPG|ERROR|npm error (?!code|errno|syscall|A complete)|[Ee]rror:")


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    advice: str = "",
) -> str:
    """Runs a program to its end and returns what it printed, both streams together.

    Args:
        argv: The program and its arguments.
        cwd: Where it runs.
        environment: Variables set on top of this process's own.
        on_line: Called with every line as it appears.
        advice: What to do about a failure, appended to the error.

    Raises:
        SetupError: The program is missing or ended with a status other than 0.
    """
    lines: list[str] = []
    try:
        process = subprocess.Popen(
            [str(part) for part in argv],
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise SetupError(f"cannot run {argv[0]}: {error.strerror}. {advice}".strip()) from error
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                del lines[:-KEPT_LINES]
                if on_line is not None:
                    on_line(lines[-1])
        except BaseException:
            _stop(process)
            raise
    if process.returncode != 0:
        raise SetupError(_failure(argv, process.returncode, lines, advice))
    return "\n".join(lines)


def _stop(process: subprocess.Popen[str]) -> None:
    """Ends a program as Ctrl-C would, so that it clears up after itself; then by force."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _failure(argv: Sequence[str | Path], status: int, lines: list[str], advice: str) -> str:
    """One line: who failed, what to do, and the most telling line of what it printed."""
    name = Path(str(argv[0])).name
    said = [line.strip() for line in lines if line.strip()]
    telling = [line for line in said if ERROR_LINE.match(line)] or said[-1:]
    text = f"{name} ended with status {status}. {advice}".strip()
    return f"{text} {telling[0][:SHOWN_CHARACTERS]}" if telling else text
