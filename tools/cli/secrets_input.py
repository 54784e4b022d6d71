"""Secrets from where they may come: a prompt, standard input or a file, never an argument."""

import sys
from pathlib import Path

from tools.errors import FileError, UsageError
from tools.files import read_bytes

SECRET_LIMIT = 4096


def read_secret(file: Path | None, prompt: str, option: str, *, confirm: bool = False) -> str:
    """One line from a file, from standard input for `-`, or asked for on the terminal.

    Args:
        file: what the user named; None asks.
        prompt: what is asked for, without a colon.
        option: the option that names the file, for the message where there is no terminal.
        confirm: asks twice.

    Raises:
        UsageError: there is no terminal to ask on, or the two answers differ.
        FileError: the file is unreadable or empty.
    """
    if file is None:
        return _asked(prompt, option, confirm=confirm)
    if str(file) == "-":
        text = sys.stdin.readline(SECRET_LIMIT)
    else:
        try:
            text = read_bytes(file, f"the file with the {prompt.lower()}")[:SECRET_LIMIT].decode()
        except UnicodeDecodeError as error:
            raise FileError(f"{file} is not text") from error
    lines = text.splitlines()
    if not lines or not lines[0].strip():
        raise FileError(f"no {prompt.lower()} in {'standard input' if str(file) == '-' else file}")
    return lines[0]


def _asked(prompt: str, option: str, *, confirm: bool) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"no terminal to ask for the {prompt.lower()}; use {option} FILE or -")
    import getpass

    first = getpass.getpass(f"{prompt}: ")
    if confirm and getpass.getpass(f"{prompt} again: ") != first:
        raise UsageError("the two do not match; nothing was written")
    return first
