"""`python -m boards.build BOARD --out board.json`: a description as the node reads it.

BOARD is a folder's name under boards/ (streetlight_esp32) or a path to a board.toml. With
--flash-mb the same board is built for a module with another flash; with --micropython FOLDER
the folder is written that MicroPython's ESP32 port is built from.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from boards.description import read_board
from boards.errors import BoardError
from boards.micropython import write_micropython_board

_BOARDS = Path(__file__).parent


def build(
    board: str, out: Path, flash_mb: int | None = None, micropython: Path | None = None
) -> None:
    """Write board.json for a board, whole or not at all.

    Args:
        board: A folder's name under boards/, or a path to a board.toml.
        out: Where board.json goes.
        flash_mb: In place of what the description says.
        micropython: Where the folder for MicroPython's build goes, if it is wanted.

    Raises:
        BoardError: the description is wrong.
        OSError: it cannot be read or written.
    """
    path = Path(board) if board.endswith(".toml") else _BOARDS / board / "board.toml"
    description = read_board(path, flash_mb)
    text = json.dumps(description.compiled(), sort_keys=True, separators=(",", ":"))
    if micropython is not None:
        write_micropython_board(description, path.parent, micropython)
    draft = out.with_name(out.name + ".new")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, out)


def main() -> int:
    """Run from the command line; a known error is one line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m boards.build", description=__doc__)
    parser.add_argument("board", help="folder under boards/, or a path to a board.toml")
    parser.add_argument("--out", type=Path, required=True, help="where board.json goes")
    parser.add_argument("--flash-mb", type=int, help="size of the module's flash, if another")
    parser.add_argument("--micropython", type=Path, help="folder for MicroPython's own build")
    arguments = parser.parse_args()
    try:
        build(arguments.board, arguments.out, arguments.flash_mb, arguments.micropython)
    except (BoardError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
