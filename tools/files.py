"""Files that must appear whole or not at all, and secrets that only their owner may read.

Every function writes beside the target and renames, so that a cut leaves the old file or the
new one. Leaves what is in the files to its callers.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any, cast

from tools.errors import FileError

SECRET_FILE = 0o600
SECRET_FOLDER = 0o700
PLAIN_FILE = 0o644


def write_atomic(path: Path, data: bytes, mode: int = PLAIN_FILE) -> None:
    """Writes a whole file with its final rights from its first byte on.

    Raises:
        FileError: the folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from error


def write_secret(path: Path, data: bytes) -> None:
    """Writes a file that only its owner may read, in a folder that only its owner may enter."""
    path.parent.mkdir(mode=SECRET_FOLDER, parents=True, exist_ok=True)
    write_atomic(path, data, SECRET_FILE)


def write_json(path: Path, value: object, mode: int = PLAIN_FILE) -> None:
    """Writes JSON that a person can read too."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    write_atomic(path, text.encode(), mode)


def read_bytes(path: Path, what: str) -> bytes:
    """The bytes of a file that the user named; `what` it is stands in the message.

    Raises:
        FileError: it is missing, a folder, or not readable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(f"cannot read {what} {path}: {error.strerror}") from error


def read_object(path: Path, what: str) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        FileError: it is missing, not JSON, or not an object.
    """
    data = read_bytes(path, what)
    try:
        value: object = json.loads(data)
    except ValueError as error:
        raise FileError(f"{what} {path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise FileError(f"{what} {path} is not a JSON object")
    return cast("dict[str, Any]", value)
